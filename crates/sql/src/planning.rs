//! From a statement's text to a plan over a session's tables.

use crate::{
    catalogue::{self, PG_INDEXES, Visible},
    exact,
    failure::Failure,
    settings,
};
use datafusion::{
    catalog::{CatalogProviderList, MemoryCatalogProviderList},
    execution::{
        memory_pool::GreedyMemoryPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
        session_state::{SessionState, SessionStateBuilder},
    },
    logical_expr::{LogicalPlan, ScalarUDF, registry::FunctionRegistry},
    prelude::{SessionConfig, SessionContext},
    sql::{
        parser::Statement as Parsed,
        sqlparser::{
            ast::{Expr, Ident, ObjectName, ObjectNamePart, SelectItem, SetExpr, Statement, visit_relations},
            dialect::PostgreSqlDialect,
            parser::Parser,
        },
    },
};
use datafusion_pg_catalog::{
    pg_catalog::{PG_CATALOG_TABLES, context::EmptyContextProvider, create_current_database_udf},
    setup_pg_catalog,
    sql::{
        PostgresCompatibilityParser,
        rules::{SqlStatementRewriteRule, StripCallableQualifier, StripCollate},
    },
};
use mycorr_tables::DeltaStore;
use std::{collections::HashSet, ops::ControlFlow, sync::Arc, thread};

/// Rows of a batch: some of them are in flight between a query and its client.
const BATCH_ROWS: usize = 1024;
/// For a query of the catalogue, which is small.
const CATALOGUE_BYTES: usize = 32 << 20;
/// Parts of a query that run side by side.
const MAX_PARALLEL: usize = 4;
/// Of a query's memory each sort keeps so much for the merge of what it spilled.
const SORT_RESERVATION: usize = 32;
/// Functions of whose answer a few bytes can ask for gigabytes, which no memory pool counts.
const MULTIPLYING: &[&str] =
    &["repeat", "lpad", "rpad", "array_repeat", "list_repeat", "array_resize", "list_resize"];

/// What all sessions share.
pub(crate) struct Planner {
    template: SessionState,
    compatible: PostgresCompatibilityParser,
    small: Arc<RuntimeEnv>,
}

impl Planner {
    /// `memory` is what one query has, in bytes.
    pub(crate) fn new(memory: usize) -> Result<Self, Failure> {
        let parallel = thread::available_parallelism().map_or(1, usize::from).min(MAX_PARALLEL);
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema("template", "public")
            .with_batch_size(BATCH_ROWS)
            .with_target_partitions(parallel)
            // Each partition of a sort sets its part aside before its first row; the library's 10 MB would be all.
            .with_sort_spill_reservation_bytes(memory / SORT_RESERVATION)
            .with_sort_in_place_threshold_bytes(memory / SORT_RESERVATION)
            .with_information_schema(true);
        let options = config.options_mut();
        // Literals are what is written, not the float that is nearest.
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        let small = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(CATALOGUE_BYTES)))
            .build_arc()?;
        let context = SessionContext::new_with_config_rt(config, small.clone());
        setup_pg_catalog(&context, "template", EmptyContextProvider)
            .map_err(|error| Failure::query(*error))?;
        let mut template = context.state();
        template.register_udf(Arc::new(catalogue::format_type()))?;
        let version = format!("PostgreSQL {}, stored versions of tables", settings::show("server_version")?);
        template.register_udf(Arc::new(catalogue::constant("version", &version)))?;
        template.register_udf(Arc::new(catalogue::constant("pg_advisory_unlock_all", "")))?;
        for function in MULTIPLYING {
            template.deregister_udf(function)?;
        }
        Ok(Self { template, compatible: PostgresCompatibilityParser::new(), small })
    }

    /// The state of a session on a database.
    pub(crate) fn session(
        &self,
        store: DeltaStore,
        database: &str,
        user: &str,
        visible: Visible,
    ) -> Result<SessionState, Failure> {
        let list = MemoryCatalogProviderList::new();
        list.register_catalog(database.to_owned(), catalogue::catalog(store, database, visible)?);
        let config = self.template.config().clone().with_default_catalog_and_schema(database, "public");
        let mut state = SessionStateBuilder::new_from_existing(self.template.clone())
            .with_config(config.with_create_default_catalog_and_schema(false))
            .with_catalog_list(Arc::new(list))
            .build();
        state.register_udf(Arc::new(create_current_database_udf(database)))?;
        state.register_udf(Arc::new(catalogue::constant("session_user", user)))?;
        Ok(state)
    }

    /// The functions of all sessions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = Arc<ScalarUDF>> {
        self.template.scalar_functions().values().cloned()
    }

    pub(crate) fn config(&self) -> SessionConfig {
        self.template.config().clone()
    }

    /// Memory for queries of the catalogue.
    pub(crate) fn small(&self) -> Arc<RuntimeEnv> {
        self.small.clone()
    }

    /// The statements of a text.
    ///
    /// # Errors
    /// `42601`.
    pub(crate) fn parse(&self, text: &str, visible: &Visible) -> Result<Vec<Statement>, Failure> {
        let written = Parser::parse_sql(&PostgreSqlDialect {}, text);
        match written {
            // The library's rewriting is for queries of the catalogue: of other queries it would change answers.
            Ok(statements) if !statements.iter().any(|statement| is_catalogue(statement, visible)) => {
                Ok(statements.into_iter().map(plain).collect())
            }
            Ok(_) => self.compatible.parse(text).map_err(|error| Failure::syntax(&error)),
            Err(error) => match self.compatible.parse(text) {
                Ok(statements)
                    if statements
                        .iter()
                        .all(|statement| is_catalogue(statement, visible) || !is_query(statement)) =>
                {
                    Ok(statements)
                }
                _ => Err(Failure::syntax(&error)),
            },
        }
    }
}

/// Whether a statement reads the catalogue and no table of the Model.
pub(crate) fn is_catalogue(statement: &Statement, visible: &Visible) -> bool {
    let tables = visible.get();
    let (mut catalogue, mut stored) = (false, false);
    let _ = visit_relations(statement, |name| {
        let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident());
        let (last, before) = (parts.next(), parts.next());
        let named = |ident: &Ident, wanted: &str| ident.value.eq_ignore_ascii_case(wanted);
        match (last, before) {
            (_, Some(schema)) if named(schema, "pg_catalog") || named(schema, "information_schema") => {
                catalogue = true
            }
            (Some(name), schema) if tables.iter().any(|table| table.name == name.value) => {
                stored |= schema.is_none_or(|schema| named(schema, "public"));
            }
            (Some(name), None)
                if PG_CATALOG_TABLES.iter().chain([&PG_INDEXES]).any(|table| named(name, table)) =>
            {
                catalogue = true
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    catalogue && !stored
}

fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(_))
}

/// Functions are called by their bare names, and columns as PostgreSQL calls them.
fn plain(statement: Statement) -> Statement {
    let mut statement = StripCollate.rewrite(StripCallableQualifier.rewrite(statement));
    if let Statement::Query(query) = &mut statement
        && let SetExpr::Select(select) = query.body.as_mut()
    {
        name_functions(&mut select.projection);
    }
    statement
}

/// `SELECT count(*)` has a column `count`.
fn name_functions(projection: &mut [SelectItem]) {
    let mut taken: HashSet<String> = HashSet::new();
    for item in projection.iter() {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => taken.insert(ident.value.clone()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().is_some_and(|ident| taken.insert(ident.value.clone()))
            }
            SelectItem::ExprWithAlias { alias, .. } => taken.insert(alias.value.clone()),
            // Any name may come.
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return,
            _ => false,
        };
    }
    for item in projection {
        let SelectItem::UnnamedExpr(expr @ Expr::Function(_)) = item else { continue };
        let Expr::Function(function) = &*expr else { continue };
        let Some(name) = function.name.0.last().and_then(ObjectNamePart::as_ident) else { continue };
        let name = name.value.to_lowercase();
        if taken.insert(name.clone()) {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
        }
    }
}

/// The logical plan of a query, exact, with its parameters in place.
pub(crate) async fn plan(
    state: &SessionState,
    statement: &Statement,
    values: Option<Vec<datafusion::scalar::ScalarValue>>,
    catalogue: bool,
) -> Result<LogicalPlan, Failure> {
    let plan = state.statement_to_plan(Parsed::Statement(Box::new(statement.clone()))).await?;
    if !matches!(
        plan,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_)
            | LogicalPlan::RecursiveQuery(_)
            | LogicalPlan::Repartition(_)
    ) {
        return Err(Failure::unsupported("Only queries are answered here."));
    }
    let plan = match values {
        Some(values) if !values.is_empty() => plan.with_param_values(values)?,
        _ => plan,
    };
    // Clients compare oids with strings, which the catalogue's own rules take care of.
    Ok(if catalogue { exact::catalogue(plan)? } else { exact::exact(plan)? })
}

/// A query of a whole table, for `COPY table TO`.
pub(crate) fn whole_table(name: &ObjectName, columns: &[Ident]) -> Result<Statement, Failure> {
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
    let text = format!("SELECT {columns} FROM {name}");
    let mut statements =
        Parser::parse_sql(&PostgreSqlDialect {}, &text).map_err(|error| Failure::syntax(&error))?;
    statements.pop().ok_or_else(|| Failure::bug("a SELECT is one statement"))
}
