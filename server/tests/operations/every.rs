//! What holds for every operation.

use std::sync::Arc;

use server::engine::fake::Snapshot;
use server::operations::{JournaledStep, OperationState};
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

/// One operation, tried again and again on one bed. What was undone is begun again where it stands, since nothing has
/// changed; after what was done everything is cleared away first.
struct Trial<'bed> {
    bed: &'bed Bed,
    act: Act,
    /// What an undisturbed run makes of the world.
    done: Snapshot,
    /// The world before, and the tool's state, once both are arranged.
    before: Option<(Snapshot, Option<String>)>,
}

impl<'bed> Trial<'bed> {
    async fn of(bed: &'bed Bed, act: Act) -> Self {
        bed.arrange(act).await;
        bed.succeed(act).await;
        let done = bed.likeness();
        bed.clear_away().await;
        Self { bed, act, done, before: None }
    }

    /// Journals the operation; it is not run yet.
    async fn begin(&mut self) -> Uuid {
        if self.before.is_none() {
            self.bed.arrange(self.act).await;
            self.before = Some((self.bed.world(), self.bed.tool_state().await));
        }
        self.bed.begin(self.act).await.unwrap()
    }

    /// Sees that the operation ended whole: everything done or everything undone, and gives which.
    async fn see_whole(&mut self, operation_id: Uuid) -> OperationState {
        let Self { bed, act, done, before } = self;
        let operation = bed.operation(operation_id).await;
        let (world, state) = before.as_ref().unwrap();
        match operation.state {
            OperationState::Done => assert_eq!(bed.likeness(), *done, "{act:?} done"),
            OperationState::Undone => {
                assert_eq!(bed.world(), *world, "{act:?} undone: {}", operation.problem);
                let is_install = matches!(act, Act::Install | Act::InstallOnKeptData);
                let state = if is_install { Some("removed".to_owned()) } else { state.clone() };
                assert_eq!(bed.tool_state().await, state, "{act:?} undone");
            }
            other => panic!("{act:?} ended {other:?}: {}", operation.problem),
        }
        bed.see_journal_ended(&operation).await;
        bed.see_resources_told_truly().await;
        if operation.state == OperationState::Done {
            bed.sweep().await;
            self.before = None;
        }
        operation.state
    }

    /// Sees that after all that everything still works.
    async fn end(self) {
        self.bed.clear_away().await;
    }
}

/// The place of the last step before the commit.
fn last_before_commit(steps: &[JournaledStep]) -> usize {
    steps.iter().filter(|step| !step.is_cleanup).count() - 1
}

/// Lets `disturb` set up each of its faults in turn until one is not reached any more, and sees each operation end
/// whole; gives how many were undone.
async fn at_every_write(bed: &Bed, act: Act, disturb: impl Fn(usize)) -> usize {
    let mut trial = Trial::of(bed, act).await;
    let mut undone = 0;
    for n in 1.. {
        let operation_id = trial.begin().await;
        bed.engine.forget_calls();
        disturb(n);
        bed.executor().run(operation_id).await.unwrap();
        let is_through = bed.engine.has_faults_left();
        bed.engine.forget_calls();
        undone += usize::from(trial.see_whole(operation_id).await == OperationState::Undone);
        if is_through {
            assert!(n > 1, "{act:?} writes something");
            break;
        }
    }
    trial.end().await;
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

/// Disturbs each step in turn by `what`, and sees that before the commit it turns the operation round, and that
/// afterwards it only goes forward.
async fn at_every_step(bed: &Bed, act: Act, what: What) {
    let mut trial = Trial::of(bed, act).await;
    for side in [Side::Before, Side::After] {
        for position in 0.. {
            let operation_id = trial.begin().await;
            let steps = bed.steps(operation_id).await;
            let disturbance = Disturbance { position, deed: Deed::Apply, side, what: what.clone() };
            let domain = Disturbed::by(bed.domain(), [disturbance]);
            bed.executor_of(Arc::new(domain), patience()).run(operation_id).await.unwrap();
            let is_cleanup = steps[position].is_cleanup;
            let expected = if is_cleanup { OperationState::Done } else { OperationState::Undone };
            assert_eq!(trial.see_whole(operation_id).await, expected, "{act:?} {side:?} {}", steps[position].title);
            if position + 1 == steps.len() {
                break;
            }
        }
    }
    trial.end().await;
}

async fn a_failure_at_any_step_leaves_the_world_as_before(bed: &Bed, act: Act) {
    at_every_step(bed, act, What::Fails).await;
}

async fn a_cancel_at_any_step_leaves_the_world_as_before(bed: &Bed, act: Act) {
    at_every_step(bed, act, What::Cancels(bed.operations.clone(), bed.db.clone())).await;
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
    let mut trial = Trial::of(bed, act).await;
    for side in [Side::Before, Side::After] {
        for position in 0.. {
            let operation_id = trial.begin().await;
            let steps = bed.steps(operation_id).await;
            let reached = Arc::<Notify>::default();
            let hang = Disturbance { position, deed: Deed::Apply, side, what: What::Hangs(reached.clone()) };
            crash(bed, operation_id, vec![hang], &reached).await;
            let state = trial.see_whole(operation_id).await;
            assert_eq!(state, OperationState::Done, "{act:?} {side:?} {}", steps[position].title);
            if position + 1 == steps.len() {
                break;
            }
        }
    }
    trial.end().await;
}

async fn a_crash_while_undoing_any_step_changes_nothing(bed: &Bed, act: Act) {
    let mut trial = Trial::of(bed, act).await;
    for side in [Side::Before, Side::After] {
        for position in 0.. {
            let operation_id = trial.begin().await;
            let steps = bed.steps(operation_id).await;
            let last = last_before_commit(&steps);
            let reached = Arc::<Notify>::default();
            let fail = Disturbance { position: last, deed: Deed::Apply, side: Side::After, what: What::Fails };
            let hang = Disturbance { position, deed: Deed::Undo, side, what: What::Hangs(reached.clone()) };
            crash(bed, operation_id, vec![fail, hang], &reached).await;
            let state = trial.see_whole(operation_id).await;
            assert_eq!(state, OperationState::Undone, "{act:?} {side:?} {}", steps[position].title);
            if position == last {
                break;
            }
        }
    }
    trial.end().await;
}

async fn steps_done_and_undone_twice_are_as_done_and_undone_once(bed: &Bed, act: Act) {
    let mut trial = Trial::of(bed, act).await;
    for (fails, expected) in [(true, OperationState::Undone), (false, OperationState::Done)] {
        let operation_id = trial.begin().await;
        let position = last_before_commit(&bed.steps(operation_id).await);
        let fail = Disturbance { position, deed: Deed::Apply, side: Side::After, what: What::Fails };
        let domain = Disturbed::by(bed.domain(), fails.then_some(fail)).doubled();
        bed.executor_of(Arc::new(domain), patience()).run(operation_id).await.unwrap();
        assert_eq!(trial.see_whole(operation_id).await, expected, "{act:?}");
    }
    trial.end().await;
}
