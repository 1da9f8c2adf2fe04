//! Which index a list is read from where a filter has several values, or the caller several tenants: for each of them the
//! first rows of the page, in its order, of which the page is merged. So a page costs as many rows as it has for each
//! value and tenant, whatever else there is; of `IN` PostgreSQL would sort all that there is, or look at all in the order
//! of the list. Everybody's rows, which staff read, are never read tenant by tenant: there may be thousands.
//!
//! Deliberately absent: SQLite, where filters are conditions and nothing else.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, IntoTableRef, Query, SelectStatement};
use sea_orm::{ColumnTrait, DatabaseBackend, EntityTrait, QueryFilter, Select, Value};
use uuid::Uuid;

use super::{ScopedSelect, TenantOwned};
use crate::actor::Tenants;
use crate::app::App;
use crate::id::first_id_at;

/// So many streams are merged at most; filters that would make more are conditions of each.
const STREAMS_MAX: usize = 500;
/// How far apart the time of a row and that of its id may be that a program before `Clock::made_at` has stored: both were
/// moments of one transaction, by one clock. A transaction that waits for a lock is not cut short, so it is minutes.
const ID_AWAY_MAX: TimeDelta = TimeDelta::minutes(5);
/// The only column of a table of values.
const VALUE: &str = "value";

/// A column with values that are read apart.
pub(super) struct Axis<E: EntityTrait> {
    column: E::Column,
    values: Values,
    /// It has no other values, so that it narrows nothing.
    is_whole: bool,
}

impl<E: EntityTrait> Axis<E> {
    /// Of these, each once.
    pub(super) fn these(column: E::Column, values: impl IntoIterator<Item = Value>) -> Self {
        let mut distinct: Vec<Value> = Vec::new();
        for value in values {
            // So many are one condition, in which it does not matter.
            if distinct.len() > STREAMS_MAX || !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        Self { column, values: Values::These(distinct), is_whole: false }
    }
}

enum Values {
    These(Vec<Value>),
    /// What the named column of a query has.
    Found(&'static str, Box<SelectStatement>),
}

/// Whose rows a query is of.
pub(super) enum Across<E: EntityTrait> {
    /// One tenant's, or nobody's.
    One,
    /// Those of tenants that this column names.
    Several(E::Column, Vec<Uuid>),
    /// Everybody's: of indexes without the tenant.
    All,
}

impl<E: TenantOwned> Across<E> {
    pub(super) fn of(tenants: &Tenants) -> Self {
        match tenants {
            Tenants::All => Self::All,
            Tenants::Some(tenants) if tenants.len() < 2 => Self::One,
            Tenants::Some(tenants) => Self::Several(E::tenant_column(), tenants.clone()),
        }
    }
}

/// That a row is of this time, from the one to before the other, by its columns of time and id. The time must be what
/// [`Clock::made_at`](crate::clock::Clock::made_at) has for the id: then a span of time is a span of ids, too, which all
/// indexes end with, so nothing of another time is read.
///
/// It is exact: the time decides, and the ids leave out nothing. The time of a row is that of its id, to the millisecond; of
/// rows that were stored before it was so, both are of one transaction. Where somebody else's clock is used, ids say nothing
/// of the time, and are not looked at.
pub(crate) fn made_within<C: ColumnTrait>(
    app: &App,
    (time, id): (C, C),
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
) -> Condition {
    let follows = app.clock().is_common();
    let id_at = |at: DateTime<Utc>| first_id_at(at).filter(|_| follows);
    let mut condition = Condition::all();
    if let Some(from) = from {
        condition = condition.add(time.gte(from));
        condition = condition.add_option(id_at(from - ID_AWAY_MAX).map(|first| id.gte(first)));
    }
    if let Some(before) = before {
        condition = condition.add(time.lt(before));
        condition = condition.add_option(id_at(before + ID_AWAY_MAX).map(|last| id.lt(last)));
    }
    condition
}

impl<E: EntityTrait> ScopedSelect<E> {
    /// Narrows it, if there is something to narrow by, to rows whose column is one of these. An index must have them in
    /// the order of the list, behind the tenant.
    pub(crate) fn one_of<V: Into<Value>>(
        mut self,
        column: E::Column,
        values: Option<impl IntoIterator<Item = V>>,
    ) -> Self {
        let Some(values) = values else { return self };
        self.axes.push(Axis::these(column, values.into_iter().map(Into::into)));
        self
    }

    /// The same of a column of which nearly all rows have one value, the usual one, and of which an index has the others
    /// only. PostgreSQL knows that it is enough by the text of the statement, which says so; an index of those that are
    /// asked for with the usual one there is none, and need not be: a page of them is soon full.
    pub(crate) fn one_of_rare<V: Into<Value>>(
        self,
        column: E::Column,
        values: Option<impl IntoIterator<Item = V>>,
        usual: &'static str,
    ) -> Self {
        let Some(values) = values else { return self };
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let usual = Value::from(usual);
        if values.contains(&usual) {
            return self.filter(column.is_in(values));
        }
        let is_rare = Expr::col(column.as_column_ref()).ne(Expr::Constant(usual));
        self.filter(is_rare).one_of(column, Some(values))
    }

    /// Narrows it likewise to rows whose column is what the named column of a query finds, which is little.
    pub(crate) fn one_found(
        mut self,
        column: E::Column,
        found: Option<SelectStatement>,
        of_found: &'static str,
    ) -> Self {
        let Some(found) = found else { return self };
        self.axes.push(Axis { column, values: Values::Found(of_found, Box::new(found)), is_whole: false });
        self
    }

    /// These are all values that the column has: the index that has the list in its order has this column before.
    pub(crate) fn each_of<V: Into<Value>>(
        mut self,
        column: E::Column,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.axes.push(Axis { column, values: Values::These(values), is_whole: true });
        self
    }

    /// Narrows it to rows of this time, if any is given; see [`made_within`].
    pub(crate) fn made_within(
        self,
        app: &App,
        columns: (E::Column, E::Column),
        from: Option<DateTime<Utc>>,
        before: Option<DateTime<Utc>>,
    ) -> Self {
        self.filter(made_within(app, columns, from, before))
    }

    /// The query with everything that narrows it.
    pub(super) fn narrowed(select: Select<E>, axes: Vec<Axis<E>>) -> Select<E> {
        axes.into_iter().filter(|axis| !axis.is_whole).fold(select, |select, axis| {
            select.filter(match axis.values {
                Values::These(values) => axis.column.is_in(values),
                Values::Found(_, found) => axis.column.in_subquery(*found),
            })
        })
    }
}

impl<E: TenantOwned> ScopedSelect<E> {
    /// Where this holds it is narrowed to rows of something that has one tenant: they are not read tenant by tenant.
    pub(crate) fn of_one_if(mut self, is_of_one: bool) -> Self {
        if is_of_one {
            self.across = Across::One;
        }
        self
    }

    /// Narrows it to rows of this tenant, if one is given.
    pub(crate) fn of_tenant(mut self, tenant_id: Option<Uuid>) -> Self {
        let Some(id) = tenant_id else { return self };
        self.across = Across::One;
        self.filter(E::tenant_column().eq(id))
    }

    /// Narrows it to rows whose column names this one of `P`, if one is given; its tenant is theirs, too.
    pub(crate) fn under<P: TenantOwned>(self, column: E::Column, id: Option<Uuid>) -> Self {
        match id {
            Some(named) => self.in_tenant_of::<P>(id).filter(column.eq(named)),
            None => self,
        }
    }

    /// Narrows it to rows of the tenant of this one of `P`, if one is given.
    pub(crate) fn in_tenant_of<P: TenantOwned>(mut self, id: Option<Uuid>) -> Self {
        let Some(id) = id else { return self };
        if !matches!(self.across, Across::One) {
            self.across = Across::One;
            let tenant = Query::select()
                .column(P::tenant_column().as_column_ref())
                .from(P::default().into_table_ref())
                .and_where(Expr::col((P::default(), "id")).eq(id))
                .to_owned();
            let is_its = Expr::col(E::tenant_column().as_column_ref())
                .eq(Expr::SubQuery(None, Box::new(tenant.into())));
            self = self.filter(is_its);
        }
        self
    }
}

/// How a list is read.
pub(super) struct Streams<E: EntityTrait> {
    /// The rows of each stream, of which the page is the first.
    pub(super) one: Select<E>,
    /// Tables of values, each with its name, whose rows together are the streams; none where there is one.
    pub(super) sources: Vec<(SelectStatement, String)>,
    count: usize,
}

impl<E: EntityTrait> Streams<E> {
    /// On PostgreSQL those of the axes, in the order in which they were given, and of the tenants that a caller has.
    pub(super) fn of(
        select: Select<E>,
        axes: Vec<Axis<E>>,
        across: Across<E>,
        backend: DatabaseBackend,
    ) -> Self {
        if backend != DatabaseBackend::Postgres {
            return Self { one: ScopedSelect::narrowed(select, axes), sources: Vec::new(), count: 1 };
        }
        let mut streams = Self { one: select, sources: Vec::new(), count: 1 };
        for axis in axes {
            match axis.values {
                Values::Found(name, found) => streams.split(axis.column, *found, name),
                Values::These(values) if axis.is_whole || values.len() > 1 => {
                    streams.split_by(axis.column, values, axis.is_whole);
                }
                Values::These(values) => streams.one = streams.one.filter(axis.column.is_in(values)),
            }
        }
        match across {
            Across::Several(column, tenants) => {
                streams.split_by(column, tenants.into_iter().map(Value::from).collect(), true);
            }
            Across::One | Across::All => {}
        }
        streams
    }

    /// By these values, unless there are too many. It is one text of SQL however many there are.
    fn split_by(&mut self, column: E::Column, values: Vec<Value>, is_narrowed: bool) {
        let count = self.count * values.len();
        match values.first().map(Value::array_type) {
            Some(kind) if count <= STREAMS_MAX => {
                self.count = count;
                let array = Value::Array(kind, Some(Box::new(values)));
                let unnested = Func::cust("unnest").arg(Expr::val(array));
                self.split(column, Query::select().expr_as(unnested, VALUE).to_owned(), VALUE);
            }
            _ if is_narrowed => {}
            _ => self.one = self.one.clone().filter(column.is_in(values)),
        }
    }

    /// By what the named column of a query finds.
    fn split(&mut self, column: E::Column, source: SelectStatement, of_source: &'static str) {
        let name = format!("apart_{}", self.sources.len());
        let is_its = Expr::col(column.as_column_ref()).equals((name.clone(), of_source));
        self.one = self.one.clone().filter(is_its);
        self.sources.push((source, name));
    }
}
