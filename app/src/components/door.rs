//! The frame of the pages before the panel: sign-in and first run.

use leptos::prelude::*;

use crate::components::icon::mark;

/// Art on one side, the form on the other.
#[component]
pub fn Door(children: Children) -> impl IntoView {
    const RADII: [u32; 10] = [34, 62, 92, 126, 164, 206, 252, 302, 356, 414];
    // Length of the line, its begin, in degrees; chosen by eye.
    const LINES: [(u32, u32); 10] = [
        (109, 247),
        (276, 309),
        (255, 65),
        (241, 62),
        (210, 298),
        (125, 69),
        (255, 24),
        (146, 299),
        (186, 109),
        (231, 155),
    ];
    let art = RADII
        .into_iter()
        .zip(LINES)
        .map(|(radius, (degrees, from))| {
            view! {
                <circle
                    cx="300"
                    cy="430"
                    r=radius
                    pathLength="360"
                    stroke-dasharray=format!("{degrees} {}", 360 - degrees)
                    transform=format!("rotate({from} 300 430)")
                />
                <circle class="door__dot" cx=300 + radius cy="430" r="3.1" transform=format!("rotate({} 300 430)", from + degrees) />
            }
        })
        .collect_view();
    view! {
        <div class="door">
            <div class="door__hero">
                <svg class="door__art" viewBox="0 0 600 900" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
                    <g>{art}</g>
                </svg>
                <div class="door__words">
                    <span class="brand">{mark()} <span class="brand__name">"Summoner"</span></span>
                    <p class="door__say">"Every tool your team needs." <br /> "Always a way back."</p>
                </div>
            </div>
            <main class="door__in" id="content">
                {children()}
            </main>
        </div>
    }
    .into_any()
}
