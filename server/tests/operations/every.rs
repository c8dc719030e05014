//! What holds for every operation.

use std::sync::Arc;

use server::operations::{Operation, OperationState};
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::bed::{Act, Bed, ENTRIES, patience, refused};
use crate::disturbed::{Deed, Disturbance, Disturbed, Side, What};

/// One test per operation.
macro_rules! of_every_operation {
    ($($behaviour:ident),+ $(,)?) => { $(
        mod $behaviour {
            use super::*;

            of_every_operation!(@ $behaviour
                install: Install,
                install_on_kept_data: InstallOnKeptData,
                start: Start,
                stop: Stop,
                restart: Restart,
                reconfigure: Reconfigure,
                remove_keeping_data: RemoveKeepingData,
                remove_with_data: RemoveWithData,
            );
        }
    )+ };
    (@ $behaviour:ident $($test:ident: $act:ident),+ $(,)?) => { $(
        #[sqlx::test(migrations = "../migrations")]
        async fn $test(db: PgPool) {
            for entry in ENTRIES {
                super::$behaviour(&Bed::new(&db, entry), Act::$act).await;
            }
        }
    )+ };
}

of_every_operation!(
    a_failure_at_any_write_leaves_the_world_as_before,
    a_failure_at_any_step_leaves_the_world_as_before,
    a_failing_undo_is_tried_again,
    a_lost_answer_at_any_write_changes_nothing,
    a_crash_at_any_step_changes_nothing,
    a_crash_while_undoing_any_step_changes_nothing,
    a_cancel_at_any_step_leaves_the_world_as_before,
    steps_done_and_undone_twice_are_as_done_and_undone_once,
);

/// Sees that an operation ended whole: everything done or everything undone, and gives which.
async fn see_whole(bed: &Bed, act: Act, operation_id: Uuid, before: &Before) -> Operation {
    let operation = bed.operation(operation_id).await;
    match operation.state {
        OperationState::Done => assert_eq!(bed.likeness(), before.done, "{act:?} done"),
        OperationState::Undone => {
            assert_eq!(bed.world(), before.world, "{act:?} undone: {}", operation.problem);
            assert_eq!(bed.tool_state().await.unwrap_or_default(), before.tool_state(act), "{act:?} undone");
        }
        other => panic!("{act:?} ended {other:?}: {}", operation.problem),
    }
    bed.see_journal_ended(&operation).await;
    bed.see_resources_told_truly().await;
    operation
}

/// What was before an operation, and what an undisturbed one would have made of it.
struct Before {
    world: server::engine::fake::Snapshot,
    done: server::engine::fake::Snapshot,
    state: Option<String>,
}

impl Before {
    async fn of(bed: &Bed, done: &server::engine::fake::Snapshot) -> Self {
        Self { world: bed.world(), done: done.clone(), state: bed.tool_state().await }
    }

    /// The state of the newest tool of the name once the operation is undone.
    fn tool_state(&self, act: Act) -> String {
        match act {
            Act::Install | Act::InstallOnKeptData => "removed".to_owned(),
            _ => self.state.clone().unwrap_or_default(),
        }
    }
}

/// Lets `disturb` set up each of its faults in turn until one is not reached any more, and sees each operation end
/// whole; gives how many were undone.
async fn at_every_write(bed: &Bed, act: Act, disturb: impl Fn(usize)) -> usize {
    let done = bed.likeness_after(act).await;
    let mut undone = 0;
    for n in 1.. {
        bed.arrange(act).await;
        let before = Before::of(bed, &done).await;
        let operation_id = bed.begin(act).await.unwrap();
        bed.engine.forget_calls();
        disturb(n);
        bed.executor().run(operation_id).await.unwrap();
        let is_through = bed.engine.has_faults_left();
        bed.engine.forget_calls();
        let operation = see_whole(bed, act, operation_id, &before).await;
        undone += usize::from(operation.state == OperationState::Undone);
        bed.clear_away().await;
        if is_through {
            assert!(n > 1, "{act:?} writes something");
            break;
        }
    }
    undone
}

async fn a_failure_at_any_write_leaves_the_world_as_before(bed: &Bed, act: Act) {
    let undone = at_every_write(bed, act, |n| bed.engine.fail_at_write(n, refused())).await;
    assert!(undone > 0, "{act:?}");
}

async fn a_failing_undo_is_tried_again(bed: &Bed, act: Act) {
    let undone = at_every_write(bed, act, |n| {
        bed.engine.fail_at_write(n, refused());
        bed.engine.fail_at_write(n + 1, refused());
    });
    assert!(undone.await > 0, "{act:?}");
}

async fn a_lost_answer_at_any_write_changes_nothing(bed: &Bed, act: Act) {
    let undone = at_every_write(bed, act, |n| bed.engine.lose_answer_at_write(n)).await;
    assert_eq!(undone, 0, "{act:?}: what was done is found done");
}

/// Does `act` as often as it has steps, each time disturbed at another one, and sees each operation end whole.
async fn at_every_step<D, const N: usize>(bed: &Bed, act: Act, disturb: D) -> Vec<(bool, OperationState)>
where
    D: Fn(usize, usize) -> [Disturbance; N],
{
    let done = bed.likeness_after(act).await;
    let mut ends = Vec::new();
    for position in 0.. {
        bed.arrange(act).await;
        let before = Before::of(bed, &done).await;
        let operation_id = bed.begin(act).await.unwrap();
        let steps = bed.steps(operation_id).await;
        let last = steps.iter().filter(|step| !step.is_cleanup).count() - 1;
        let domain = Disturbed::by(bed.domain(), disturb(position, last));
        let executor = bed.executor_of(Arc::new(domain), patience());
        executor.run(operation_id).await.unwrap();
        let operation = see_whole(bed, act, operation_id, &before).await;
        ends.push((steps[position].is_cleanup, operation.state));
        bed.clear_away().await;
        if position + 1 == steps.len() {
            break;
        }
    }
    ends
}

/// What is asked before the commit turns an operation round; afterwards it only goes forward.
fn see_turned_until_committed(act: Act, ends: &[(bool, OperationState)]) {
    for (is_cleanup, state) in ends {
        let expected = if *is_cleanup { OperationState::Done } else { OperationState::Undone };
        assert_eq!(*state, expected, "{act:?}");
    }
}

async fn a_failure_at_any_step_leaves_the_world_as_before(bed: &Bed, act: Act) {
    for side in [Side::Before, Side::After] {
        let ends = at_every_step(bed, act, |position, _| {
            [Disturbance { position, deed: Deed::Apply, side, what: What::Fails }]
        });
        see_turned_until_committed(act, &ends.await);
    }
}

async fn a_cancel_at_any_step_leaves_the_world_as_before(bed: &Bed, act: Act) {
    for side in [Side::Before, Side::After] {
        let ends = at_every_step(bed, act, |position, _| {
            let what = What::Cancels(bed.operations.clone(), bed.db.clone());
            [Disturbance { position, deed: Deed::Apply, side, what }]
        });
        see_turned_until_committed(act, &ends.await);
    }
}

/// Runs an operation until it hangs, ends the executor there as a crash would, and lets a new one go on.
async fn crash(bed: &Bed, operation_id: Uuid, disturbances: Vec<Disturbance>, reached: &Notify) {
    let executor = bed.executor_of(Arc::new(Disturbed::by(bed.domain(), disturbances)), patience());
    tokio::select! {
        outcome = executor.run(operation_id) => panic!("it was to hang: {outcome:?}"),
        () = reached.notified() => {}
    }
    bed.executor().run(operation_id).await.unwrap();
}

async fn a_crash_at_any_step_changes_nothing(bed: &Bed, act: Act) {
    let done = bed.likeness_after(act).await;
    for side in [Side::Before, Side::After] {
        for position in 0.. {
            bed.arrange(act).await;
            let before = Before::of(bed, &done).await;
            let operation_id = bed.begin(act).await.unwrap();
            let count = bed.steps(operation_id).await.len();
            let reached = Arc::<Notify>::default();
            let hang = Disturbance { position, deed: Deed::Apply, side, what: What::Hangs(reached.clone()) };
            crash(bed, operation_id, vec![hang], &reached).await;
            let operation = see_whole(bed, act, operation_id, &before).await;
            assert_eq!(operation.state, OperationState::Done, "{act:?} {side:?} step {position}");
            bed.clear_away().await;
            if position + 1 == count {
                break;
            }
        }
    }
}

async fn a_crash_while_undoing_any_step_changes_nothing(bed: &Bed, act: Act) {
    let done = bed.likeness_after(act).await;
    for side in [Side::Before, Side::After] {
        for position in 0.. {
            bed.arrange(act).await;
            let before = Before::of(bed, &done).await;
            let operation_id = bed.begin(act).await.unwrap();
            let steps = bed.steps(operation_id).await;
            let last = steps.iter().filter(|step| !step.is_cleanup).count() - 1;
            let reached = Arc::<Notify>::default();
            let fail = Disturbance { position: last, deed: Deed::Apply, side: Side::After, what: What::Fails };
            let hang = Disturbance { position, deed: Deed::Undo, side, what: What::Hangs(reached.clone()) };
            crash(bed, operation_id, vec![fail, hang], &reached).await;
            let operation = see_whole(bed, act, operation_id, &before).await;
            assert_eq!(operation.state, OperationState::Undone, "{act:?} {side:?} step {position}");
            bed.clear_away().await;
            if position == last {
                break;
            }
        }
    }
}

async fn steps_done_and_undone_twice_are_as_done_and_undone_once(bed: &Bed, act: Act) {
    let done = bed.likeness_after(act).await;
    for (fails, expected) in [(false, OperationState::Done), (true, OperationState::Undone)] {
        bed.arrange(act).await;
        let before = Before::of(bed, &done).await;
        let operation_id = bed.begin(act).await.unwrap();
        let steps = bed.steps(operation_id).await;
        let position = steps.iter().filter(|step| !step.is_cleanup).count() - 1;
        let fail = Disturbance { position, deed: Deed::Apply, side: Side::After, what: What::Fails };
        let domain = Disturbed::by(bed.domain(), fails.then_some(fail)).doubled();
        bed.executor_of(Arc::new(domain), patience()).run(operation_id).await.unwrap();
        let operation = see_whole(bed, act, operation_id, &before).await;
        assert_eq!(operation.state, expected, "{act:?}");
        bed.clear_away().await;
    }
}
