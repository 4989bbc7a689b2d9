//! Runs queries, in their share of the machine.

use crate::{
    failure::{Failure, SqlState},
    nodes::Divided,
    planning::{self, is_catalogue},
    session::Session,
    shown::Shown,
};
use arrow_array::RecordBatch;
use datafusion::{
    execution::TaskContext,
    physical_plan::{ExecutionPlan, execute_stream},
    scalar::ScalarValue,
    sql::sqlparser::ast::Statement,
};
use futures::{Stream, StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OnceCell, mpsc},
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// The longest that a statement may take, its client's reading included.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);
/// Batches between a query and its client.
const BATCHES_IN_FLIGHT: usize = 2;

/// A query that is ready to run.
pub(crate) struct Ready {
    pub(crate) columns: Vec<Shown>,
    plan: Arc<dyn ExecutionPlan>,
    divided: Option<Divided>,
    catalogue: bool,
}

/// The columns of a query's answer, and the Arrow types of its parameters as far as the plan tells them.
pub(crate) async fn describe(
    session: &Session,
    statement: &Statement,
) -> Result<(Vec<Shown>, Vec<(String, Option<arrow_schema::DataType>)>), Failure> {
    let catalogue = is_catalogue(statement, &session.visible);
    let plan = counted(session, catalogue, planning::plan(&session.state, statement, None, catalogue).await)?;
    let parameters = plan.get_parameter_types()?.into_iter().collect();
    Ok((columns(&plan), parameters))
}

fn columns(plan: &datafusion::logical_expr::LogicalPlan) -> Vec<Shown> {
    plan.schema().fields().iter().map(|field| Shown::of(field)).collect()
}

pub(crate) async fn ready(
    session: &Session,
    statement: &Statement,
    values: Vec<ScalarValue>,
) -> Result<Ready, Failure> {
    let catalogue = is_catalogue(statement, &session.visible);
    let planned = async {
        let logical = planning::plan(&session.state, statement, Some(values), catalogue).await?;
        let columns = columns(&logical);
        let plan = session.state.create_physical_plan(&logical).await?;
        let divide = |nodes| Divided::of(nodes, &session.state, &logical, &plan);
        let divided = session.shared.nodes.as_ref().filter(|_| !catalogue).and_then(divide);
        Ok(Ready { columns, plan, divided, catalogue })
    };
    session.shared.counters.count_query();
    counted(session, catalogue, planned.await)
}

/// A query of the catalogue that can't be answered is one that some client needs.
fn counted<T>(session: &Session, catalogue: bool, result: Result<T, Failure>) -> Result<T, Failure> {
    if catalogue && result.is_err() {
        session.shared.counters.count_unknown();
    }
    result
}

impl Ready {
    /// The batches of the answer. Nothing runs before the first is asked for; all is given up when this is dropped.
    pub(crate) fn batches(
        self,
        session: Arc<Session>,
    ) -> impl Stream<Item = Result<RecordBatch, Failure>> + Send {
        let cancelled = session.cancelled.subscribe();
        let running =
            stream::once(async move { self.start(&session).await }).flat_map(|started| match started {
                Ok(running) => running.left_stream(),
                Err(failure) => stream::once(async { Err(failure) }).right_stream(),
            });
        stream::unfold(Some((Box::pin(running), cancelled)), |state| async {
            let (mut running, mut cancelled) = state?;
            tokio::select! {
                biased;
                _ = cancelled.changed() => Some((Err(Failure::canceled()), None)),
                batch = running.next() => match batch? {
                    Ok(batch) => Some((Ok(batch), Some((running, cancelled)))),
                    Err(failure) => Some((Err(failure), None)),
                },
            }
        })
    }

    async fn start(
        self,
        session: &Session,
    ) -> Result<impl Stream<Item = Result<RecordBatch, Failure>> + Send + use<>, Failure> {
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
        let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
        let Self { plan, divided, catalogue, .. } = self;
        let config = session.state.config().clone();
        let work = |environment, sender| {
            let context =
                Arc::new(TaskContext::default().with_session_config(config).with_runtime(environment));
            async move { within(deadline, &sender, send(plan, context, &sender)).await }
        };
        let task = if catalogue {
            let small = session.shared.planner.small();
            let mut task = JoinSet::new();
            task.spawn(work(small, sender));
            task
        } else if let Some(divided) = divided {
            let turn = divided.nodes().turn().await?;
            let share = Arc::new(OnceCell::new_with(Some(session.shared.store.admit_query().await?)));
            let environment = share.get().map(|admitted| admitted.environment().clone());
            let environment = environment.ok_or_else(|| Failure::bug("a share that is nothing"))?;
            session.shared.store.spawn_query(async move {
                within(deadline, &sender, divided.answer(share, environment, &sender)).await;
                drop(turn);
            })?
        } else {
            let admitted = session.shared.store.admit_query().await?;
            let work = work(admitted.environment().clone(), sender);
            session.shared.store.spawn_query(async move {
                work.await;
                drop(admitted);
            })?
        };
        Ok(stream::unfold((receiver, task), |(mut receiver, task)| async {
            let batch: Result<RecordBatch, Failure> = receiver.recv().await?;
            Some((batch, (receiver, task)))
        }))
    }
}

/// What takes too long is given up.
async fn within(
    deadline: Instant,
    sender: &mpsc::Sender<Result<RecordBatch, Failure>>,
    sent: impl Future<Output = ()>,
) {
    if timeout_at(deadline, sent).await.is_err() {
        let message = "canceling statement due to statement timeout";
        let _ = sender.try_send(Err(Failure::new(SqlState::QueryCanceled, message)));
    }
}

async fn send(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    to: &mpsc::Sender<Result<RecordBatch, Failure>>,
) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        Err(error) => {
            let _ = to.send(Err(Failure::query(error))).await;
            return;
        }
    };
    while let Some(batch) = batches.next().await {
        let failed = batch.is_err();
        if to.send(batch.map_err(Failure::query)).await.is_err() || failed {
            return;
        }
    }
}
