//! Networks: what an engine gives out, and how many of them fit.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use server::engine::docker::Docker;
use server::engine::{Engine, NetworkSpec};

use crate::outage::PrivateEngine;

/// More than any engine has ranges by default: 31.
const MANY: usize = 50;

#[tokio::test]
async fn more_tools_than_an_engine_has_ranges_get_a_network_each() {
    let private = PrivateEngine::new();
    let mut process = private.start();
    let engine = Docker::connect(Some(&private.address())).unwrap();
    let up = async {
        while engine.info().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), up).await.unwrap();

    let spec = |number: usize| NetworkSpec { name: format!("tool{number}_default"), ..Default::default() };
    // Four at a time, so that some of them want the same part.
    let made: Vec<String> = stream::iter(0..MANY)
        .map(|number| {
            let engine = &engine;
            async move { engine.create_network(&spec(number)).await }
        })
        .buffer_unordered(4)
        .try_collect()
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", private.log()));
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), MANY);

    let raw = bollard::Docker::connect_with_host(&private.address()).unwrap();
    let mut ranges = BTreeSet::new();
    for id in &made {
        let network = raw.inspect_network(id, None).await.unwrap();
        let config = network.ipam.unwrap().config.unwrap();
        ranges.insert(config[0].subnet.clone().unwrap());
    }
    assert_eq!(ranges.len(), MANY, "the engine itself lets no two of them overlap: {ranges:?}");
    let large = ranges.iter().filter(|range| !range.ends_with("/26")).count();
    assert_eq!(large, 0, "{ranges:?}");

    // What is free again is given out again.
    engine.remove_network(&made[7]).await.unwrap();
    let again = engine.create_network(&spec(MANY)).await.unwrap();
    let network = raw.inspect_network(&again, None).await.unwrap();
    let subnet = network.ipam.unwrap().config.unwrap()[0].subnet.clone().unwrap();
    assert!(ranges.contains(&subnet), "{subnet} is none of {ranges:?}");
    process.stop();
}
