//! Pages of lists, by keyset: each is read through an index from where it begins to its last row, and nothing else is
//! looked at, however many rows stand before it or beside it. What is asked for and answered is `page.rs`.
//!
//! On SQLite, which has no LATERAL, the pages of several parents number all rows of each.

use std::collections::HashMap;

use sea_orm::sea_query::{
    Expr, ExprTrait, Func, IntoTableRef, JoinType, Order, Query, SelectStatement, SimpleExpr, TableRef,
    WindowStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Value,
};
use uuid::Uuid;

use super::reading::Reading;
use super::stream::{Across, Streams};
use super::{ScopedSelect, TenantOwned};
use crate::error::{Doing, Result};
use crate::page::{Direction, Edge, Page, PageRequest, Position, encode};

/// Parents of a statement, in order; the name of the only column, too.
const PARENT: &str = "parent";
/// The row of a parent.
const OWNER: &str = "owner";
/// The rows of the pages.
const FOUND: &str = "found";
/// The rows of one stream.
const STREAM: &str = "stream";

/// Under what the rows of a list stand, with a page for each.
pub(crate) struct Parent<E: EntityTrait> {
    column: E::Column,
    tenant: Option<Owner<E>>,
}

/// Where the tenant of a parent, and so of what stands under it, is read.
struct Owner<E: EntityTrait> {
    /// The parents.
    table: TableRef,
    /// Whose each of them is.
    column: &'static str,
    /// The tenant of a row of the list.
    of_row: E::Column,
}

impl<E: EntityTrait> Parent<E> {
    /// What this column names, where the index of the list begins with it.
    pub(crate) fn by(column: E::Column) -> Self {
        Self { column, tenant: None }
    }
}

impl<E: TenantOwned> Parent<E> {
    /// Rows of `P`, which have a tenant: the indexes of tenants' lists begin with it, and staff name none.
    pub(crate) fn of<P: TenantOwned>(column: E::Column) -> Self {
        let column_of_tenant = sea_orm::IdenStatic::as_str(&P::tenant_column());
        let table = P::default().into_table_ref();
        Self { column, tenant: Some(Owner { table, column: column_of_tenant, of_row: E::tenant_column() }) }
    }
}

impl<E: EntityTrait> ScopedSelect<E> {
    /// One page, by keyset.
    pub(crate) async fn page(mut self, order: &Keyset<E>, request: &PageRequest) -> Result<Page<E::Model>> {
        let backend = self.connection.get_database_backend();
        let reading = self.what_is_read().with(order.columns());
        let select = reading.select(order.constrain(self.select, request));
        let streams = Streams::of(select, self.axes, self.across, backend);
        let statement = order.merged(&reading, streams, request);
        let rows = self.connection.query_all_raw(backend.build(&statement)).await.doing("reading a page")?;
        Ok(order.page(reading.rows(&rows).doing("reading a page")?, request))
    }

    /// One page for each parent, in one statement.
    pub(crate) async fn pages_by_parent(
        mut self,
        parent: Parent<E>,
        parents: &[Uuid],
        order: &Keyset<E>,
        request: &PageRequest,
    ) -> Result<HashMap<Uuid, Page<E::Model>>> {
        let column = parent.column;
        let parent = if matches!(self.across, Across::One) { Parent::by(column) } else { parent };
        let backend = self.connection.get_database_backend();
        let reading = self.what_is_read().with(order.columns().chain([column]));
        let select = reading.select(order.constrain(self.select, request));
        // Of one parent, so of one tenant.
        let streams = |select| Streams::of(select, self.axes, Across::One, backend);
        let statement = match backend {
            DatabaseBackend::Postgres => order.of_each(&reading, select, streams, parent, parents, request),
            _ => order.numbered(&reading, streams(select).one, column, parents, request),
        };
        let rows = self.connection.query_all_raw(backend.build(&statement)).await.doing("reading pages")?;
        let mut groups: HashMap<Uuid, Vec<E::Model>> = HashMap::new();
        for row in reading.rows(&rows).doing("reading pages")? {
            if let Value::Uuid(Some(parent)) = row.get(column) {
                groups.entry(parent).or_default().push(row);
            }
        }
        Ok(groups.into_iter().map(|(parent, rows)| (parent, order.page(rows, request))).collect())
    }
}

/// An order by one column and the id, or by the id alone.
pub(crate) struct Keyset<E: EntityTrait> {
    /// Name of the order, in cursors.
    pub(crate) name: &'static str,
    /// The column; `None` orders by id, which is by time of making.
    pub(crate) column: Option<E::Column>,
    /// The id column.
    pub(crate) id: E::Column,
    /// Direction of both.
    pub(crate) direction: Direction,
}

impl<E: EntityTrait> Keyset<E> {
    /// Those that it is by.
    fn columns(&self) -> impl Iterator<Item = E::Column> {
        self.column.into_iter().chain([self.id])
    }

    fn sort(&self, backward: bool) -> impl Iterator<Item = (E::Column, Order)> {
        let ascending = (self.direction == Direction::Ascending) != backward;
        let order = if ascending { Order::Asc } else { Order::Desc };
        self.columns().map(move |column| (column, order.clone()))
    }

    /// One page of what a query finds.
    pub(crate) async fn read(
        &self,
        select: Select<E>,
        request: &PageRequest,
        connection: &impl ConnectionTrait,
    ) -> Result<Page<E::Model>> {
        let mut select = self.constrain(select, request);
        for (column, order) in self.sort(request.backward) {
            select = select.order_by(column, order);
        }
        let rows = select.limit(request.limit + 1).all(connection).await.doing("reading a page")?;
        Ok(self.page(rows, request))
    }

    /// The pages of parents by LATERAL: of each no more rows than are asked for. It is one text of SQL however many the
    /// parents are.
    fn of_each(
        &self,
        reading: &Reading<E>,
        select: Select<E>,
        streams: impl FnOnce(Select<E>) -> Streams<E>,
        parent: Parent<E>,
        parents: &[Uuid],
        request: &PageRequest,
    ) -> SelectStatement {
        let mut ids = parents.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let ids = Value::from(ids);
        let mut pages = Query::select();
        pages.columns(reading.columns().map(|column| (FOUND, column)));
        pages.from_function(Func::cust("unnest").arg(Expr::val(ids)), PARENT);
        let refers = Expr::col(parent.column.as_column_ref()).equals((PARENT, PARENT));
        let mut select = select.filter(refers);
        if let Some(Owner { table, column, of_row }) = parent.tenant {
            let is_it = Expr::col((OWNER, "id")).equals((PARENT, PARENT));
            pages.join_as(JoinType::InnerJoin, table, OWNER, is_it);
            select = select.filter(Expr::col(of_row.as_column_ref()).equals((OWNER, column)));
        }
        let of_one = self.merged(reading, streams(select), request);
        pages.join_lateral(JoinType::InnerJoin, of_one, FOUND, Expr::cust("TRUE"));
        self.order(&mut pages, FOUND, request);
        pages
    }

    /// The first rows of several streams, and one more than are asked for.
    fn merged(&self, reading: &Reading<E>, streams: Streams<E>, request: &PageRequest) -> SelectStatement {
        let mut one = streams.one;
        for (column, direction) in self.sort(request.backward) {
            one = one.order_by(column, direction);
        }
        let one = one.limit(request.limit + 1).into_query();
        if streams.sources.is_empty() {
            return one;
        }
        let mut rows = Query::select();
        rows.columns(reading.columns().map(|column| (STREAM, column)));
        for (source, name) in streams.sources {
            rows.from_subquery(source, name);
        }
        rows.join_lateral(JoinType::InnerJoin, one, STREAM, Expr::cust("TRUE"));
        self.order(&mut rows, STREAM, request);
        rows.limit(request.limit + 1);
        rows
    }

    fn order(&self, rows: &mut SelectStatement, table: &'static str, request: &PageRequest) {
        for (column, direction) in self.sort(request.backward) {
            rows.order_by((table, column), direction);
        }
    }

    /// The same by numbering the rows of each parent.
    fn numbered(
        &self,
        reading: &Reading<E>,
        select: Select<E>,
        parent: E::Column,
        parents: &[Uuid],
        request: &PageRequest,
    ) -> SelectStatement {
        let mut ranked = select
            .filter(parent.is_in(parents.iter().copied()))
            .select_only()
            .column_as(Expr::col(self.id), "id")
            .into_query();
        let mut window = WindowStatement::partition_by(parent);
        for (column, direction) in self.sort(request.backward) {
            window.order_by(column, direction);
        }
        ranked.expr_window_as(Func::cust("row_number"), window, "rank");
        let ids = Query::select()
            .column("id")
            .from_subquery(ranked, "ranked")
            .and_where(Expr::col("rank").lte(Value::from(request.limit as i64 + 1)))
            .to_owned();
        #[expect(clippy::disallowed_methods, reason = "the sub-select is filtered already")]
        let mut select = reading.select(E::find().filter(self.id.in_subquery(ids)));
        for (column, direction) in self.sort(request.backward) {
            select = select.order_by(column, direction);
        }
        select.into_query()
    }

    fn constrain(&self, mut select: Select<E>, request: &PageRequest) -> Select<E> {
        if let Some(after) = &request.after {
            select = select.filter(self.beyond(after, self.direction == Direction::Ascending));
        }
        if let Some(before) = &request.before {
            select = select.filter(self.beyond(before, self.direction == Direction::Descending));
        }
        select
    }

    /// Rows that stand beyond a position, upwards or downwards. Of two columns they are compared as one: of an OR
    /// PostgreSQL would read all rows from the beginning of the list.
    fn beyond(&self, position: &Position, upwards: bool) -> SimpleExpr {
        let past = |place: Expr, value: Expr| if upwards { place.gt(value) } else { place.lt(value) };
        let (place, id) = (Expr::col(self.id.as_column_ref()), Expr::val(position.id));
        match (self.column, &position.value) {
            (Some(column), Some(value)) => past(
                Expr::tuple([Expr::col(column.as_column_ref()), place]),
                Expr::tuple([Expr::val(value.clone()), id]),
            ),
            _ => past(place, id),
        }
    }

    /// One page of what is in two, which were read by the same request.
    pub(crate) fn join(
        &self,
        one: Page<E::Model>,
        other: Page<E::Model>,
        request: &PageRequest,
    ) -> Page<E::Model> {
        let key = |edge: &Edge<E::Model>| {
            let column = self.column.map(|column| sortable(&edge.node.get(column)));
            (column, sortable(&edge.node.get(self.id)))
        };
        let mut more = if request.backward {
            one.has_previous || other.has_previous
        } else {
            one.has_next || other.has_next
        };
        let mut edges: Vec<_> = one.edges.into_iter().chain(other.edges).collect();
        edges.sort_by_key(key);
        if self.direction == Direction::Descending {
            edges.reverse();
        }
        let limit = request.limit as usize;
        if edges.len() > limit {
            more = true;
            if request.backward {
                edges.drain(..edges.len() - limit);
            } else {
                edges.truncate(limit);
            }
        }
        if request.backward {
            Page { edges, has_next: request.before.is_some(), has_previous: more }
        } else {
            Page { edges, has_next: more, has_previous: request.after.is_some() }
        }
    }

    fn page(&self, mut rows: Vec<E::Model>, request: &PageRequest) -> Page<E::Model> {
        let more = rows.len() as u64 > request.limit;
        rows.truncate(request.limit as usize);
        if request.backward {
            rows.reverse();
        }
        let edges = rows
            .into_iter()
            .map(|node| {
                let id = match node.get(self.id) {
                    Value::Uuid(Some(id)) => id,
                    _ => Uuid::nil(),
                };
                let value = self.column.map(|column| node.get(column));
                Edge { cursor: encode(self.name, &Position { value, id }), node }
            })
            .collect();
        if request.backward {
            Page { edges, has_next: request.before.is_some(), has_previous: more }
        } else {
            Page { edges, has_next: more, has_previous: request.after.is_some() }
        }
    }
}

/// A value of an order as something that sorts as the database sorts it: only ids and times are ordered by.
fn sortable(value: &Value) -> (i64, Uuid) {
    match value {
        Value::ChronoDateTimeUtc(Some(time)) => (time.timestamp_micros(), Uuid::nil()),
        Value::Uuid(Some(id)) => (0, *id),
        _ => (0, Uuid::nil()),
    }
}

#[cfg(test)]
mod tests;
