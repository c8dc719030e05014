//! Where a tool listens can be changed after its install, ways in that nobody wanted then included.

use std::collections::BTreeMap;

use api::tools::Reconfigure;
use server::operations::OperationState;
use sqlx::PgPool;

use crate::bed::{Act, Bed};

async fn ports(bed: &Bed) -> BTreeMap<String, u16> {
    let ports = bed.tools().await.find(&bed.actor, &bed.name).await.unwrap().ports;
    ports.into_iter().map(|port| (port.name, port.host_port)).collect()
}

async fn change(bed: &Bed, ssh: &str) {
    let web = bed.port.to_string();
    let asked = [("web", web.as_str()), ("ssh", ssh)].map(|(name, port)| (name.to_owned(), port.to_owned()));
    let request = Reconfigure { ports: asked.into(), ..Reconfigure::default() };
    let operation = bed.tools().await.reconfigure(&bed.actor, &bed.name, &request, None).await.unwrap();
    bed.executor().run(operation).await.unwrap();
    assert_eq!(bed.operation(operation).await.state, OperationState::Done);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_optional_way_in_can_be_added_later_and_left_out_again(db: PgPool) {
    let bed = Bed::new(&db, "gitea");
    bed.succeed(Act::Install).await;
    let web = ("web".to_owned(), bed.port);
    assert_eq!(ports(&bed).await, [web.clone()].into());
    change(&bed, "").await;
    assert_eq!(ports(&bed).await, [web.clone()].into(), "left out, it stays out");
    let port = crate::web::port();
    change(&bed, &port.to_string()).await;
    assert_eq!(ports(&bed).await, [web.clone(), ("ssh".to_owned(), port)].into());
    change(&bed, "").await;
    assert_eq!(ports(&bed).await, [web].into());
}
