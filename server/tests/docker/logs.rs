//! Logs as the engine really sends them.

use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptions;
use futures_util::{StreamExt, TryStreamExt};
use server::engine::{ContainerState, Engine, LogLine, LogQuery};

use crate::bed::{Bed, on_docker};

async fn read(bed: &Bed, id: &str, query: LogQuery) -> Vec<LogLine> {
    bed.engine.logs(id, &query).await.unwrap().try_collect().await.unwrap()
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

async fn ended(bed: &Bed, name: &str, script: &str) -> String {
    let id = bed.start(&bed.container(name, script)).await;
    bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
    id
}

#[tokio::test]
async fn both_streams_are_told_apart_and_stamped() {
    on_docker(async |bed| {
        let id = ended(bed, "a", "echo out; echo err >&2; echo; echo -n half").await;
        let lines = read(bed, &id, LogQuery::default()).await;
        let told: Vec<_> = lines.iter().filter(|line| !line.is_error).map(|line| line.text.as_str()).collect();
        assert_eq!(told, ["out", "", "half"]);
        let errors: Vec<_> = lines.iter().filter(|line| line.is_error).map(|line| line.text.as_str()).collect();
        assert_eq!(errors, ["err"]);
        assert!(lines.iter().all(|line| line.at.is_some()), "{lines:?}");
    })
    .await;
}

#[tokio::test]
async fn the_newest_lines_and_those_since_an_instant_can_be_asked_for() {
    on_docker(async |bed| {
        let id = ended(bed, "a", "for n in 1 2 3; do echo $n; busybox usleep 200000; done").await;
        let all = read(bed, &id, LogQuery::default()).await;
        assert_eq!(texts(&all), ["1", "2", "3"]);
        let newest = read(bed, &id, LogQuery { tail: Some(2), ..LogQuery::default() }).await;
        assert_eq!(texts(&newest), ["2", "3"]);
        let since = read(bed, &id, LogQuery { since: all[1].at, ..LogQuery::default() }).await;
        assert_eq!(texts(&since), ["2", "3"]);
    })
    .await;
}

#[tokio::test]
async fn a_followed_log_goes_on_until_the_container_ends() {
    on_docker(async |bed| {
        let script = "echo first; while test ! -e /tmp/go; do busybox usleep 100000; done; echo last";
        let id = bed.start(&bed.container("a", script)).await;
        let query = LogQuery { follow: true, ..LogQuery::default() };
        let mut lines = bed.engine.logs(&id, &query).await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap().text, "first");
        let mut go = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        go.append_data(&mut header, "go", std::io::empty()).unwrap();
        let options = bollard::query_parameters::UploadToContainerOptions { path: "/tmp".into(), ..Default::default() };
        let body = bollard::body_full(go.into_inner().unwrap().into());
        bed.raw.upload_to_container(&id, Some(options), body).await.unwrap();
        let rest: Vec<_> = tokio::time::timeout(Duration::from_secs(30), lines.try_collect()).await.unwrap().unwrap();
        assert_eq!(texts(&rest), ["last"]);
    })
    .await;
}

#[tokio::test]
async fn lines_longer_than_a_frame_are_one_line_and_bounded() {
    on_docker(async |bed| {
        let script = "head -c 16000 /dev/zero | tr '\\0' a; echo; head -c 100000 /dev/zero | tr '\\0' b; echo; echo c";
        let id = ended(bed, "a", script).await;
        let lines = read(bed, &id, LogQuery::default()).await;
        assert_eq!(lines.len(), 3, "{:?}", lines.iter().map(|line| line.text.len()).collect::<Vec<_>>());
        assert_eq!(lines[0].text, "a".repeat(16000));
        assert!(lines[1].text.starts_with(&"b".repeat(16 * 1024)) && lines[1].text.ends_with("(cut)"));
        assert!(lines[1].text.len() < 17 * 1024);
        assert_eq!(lines[2].text, "c");
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_text_do_not_end_the_log() {
    on_docker(async |bed| {
        let id = ended(bed, "a", "busybox printf 'a\\377\\376b\\n\\001\\002 c\\n'; echo d").await;
        assert_eq!(texts(&read(bed, &id, LogQuery::default()).await), ["a\u{fffd}\u{fffd}b", "\u{1}\u{2} c", "d"]);
    })
    .await;
}

#[tokio::test]
async fn the_log_of_a_terminal_is_read_as_well() {
    on_docker(async |bed| {
        // Our own containers have no terminal; those of others may.
        let body = ContainerCreateBody {
            image: Some(bed.image.clone()),
            tty: Some(true),
            cmd: Some(["sh", "-c", "echo one; echo two >&2; echo three"].map(str::to_owned).to_vec()),
            labels: Some(bed.labels().into_iter().collect()),
            ..Default::default()
        };
        let options = CreateContainerOptions { name: Some(bed.name("tty")), ..Default::default() };
        let id = bed.raw.create_container(Some(options), body).await.unwrap().id;
        bed.engine.start_container(&id).await.unwrap();
        bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        let lines = read(bed, &id, LogQuery::default()).await;
        assert_eq!(texts(&lines), ["one", "two", "three"]);
        assert!(lines.iter().all(|line| line.at.is_some() && !line.is_error), "{lines:?}");
    })
    .await;
}
