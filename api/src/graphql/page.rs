//! Relay connections without `nodes`: edges with cursors, and page info. What a page holds is the domain's business.

use std::borrow::Cow;

use async_graphql::{Context, Enum, OutputType, SimpleObject, TypeName, Value};
use domain::page::{Direction, Page, PageArguments};

use super::ready::{Put, Quick, Ready, ready_fields};

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether objects follow the last one of this page.
    pub has_next_page: bool,
    /// Whether objects stand before the first one of this page.
    pub has_previous_page: bool,
    /// Cursor of the first object, for `before`; null when the page is empty.
    pub start_cursor: Option<String>,
    /// Cursor of the last object, for `after`; null when the page is empty.
    pub end_cursor: Option<String>,
}

/// An object and its place in a list.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name_type)]
pub struct Edge<N: OutputType> {
    /// Opaque; stands for this place in this list in this order.
    pub cursor: String,
    /// The object.
    pub node: N,
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

/// One page of a list. The next one begins `after` this one's `endCursor`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name_type)]
pub struct Connection<N: OutputType> {
    /// The objects of this page in the list's order, at most 100.
    pub edges: Vec<Edge<N>>,
    /// Where this page stands in the list.
    pub page_info: PageInfo,
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

/// A page of objects that are resolved the short way.
pub(super) type Listed<N> = Quick<Connection<Quick<N>>>;

ready_fields!(PageInfo {
    "hasNextPage" => has_next_page,
    "hasPreviousPage" => has_previous_page,
    "startCursor" => start_cursor,
    "endCursor" => end_cursor,
});

impl<N: Ready> Ready for Edge<N> {
    fn ready(&self, ctx: &Context<'_>) -> Option<Value> {
        match ctx.item.node.name.node.as_str() {
            "cursor" => self.cursor.put(ctx),
            "node" => self.node.put(ctx),
            _ => None,
        }
    }
}

impl<N: Ready> Ready for Connection<N> {
    fn ready(&self, ctx: &Context<'_>) -> Option<Value> {
        match ctx.item.node.name.node.as_str() {
            "edges" => self.edges.put(ctx),
            "pageInfo" => self.page_info.put(ctx),
            _ => None,
        }
    }
}

impl<N: Ready> Listed<N> {
    /// As [`Connection::new`].
    pub(super) fn new<T>(page: Page<T>, object: impl Fn(T) -> N) -> Self {
        Self(Connection::new(page, |row| Quick(object(row))))
    }
}

impl<N: OutputType> Connection<N> {
    /// A page of rows as objects of the API.
    pub(super) fn new<T>(page: Page<T>, object: impl Fn(T) -> N) -> Self {
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: page.edges.last().map(|edge| edge.cursor.clone()),
        };
        let edges = page
            .edges
            .into_iter()
            .map(|edge| Edge { cursor: edge.cursor, node: object(edge.node) })
            .collect();
        Self { edges, page_info }
    }
}

/// The four arguments of every connection.
pub(super) fn arguments(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> PageArguments {
    PageArguments { first, after, last, before }
}

/// The page of a list that has nothing to show.
pub(super) fn empty<T>(arguments: &PageArguments) -> Page<T> {
    Page { edges: Vec::new(), has_next: arguments.before.is_some(), has_previous: arguments.after.is_some() }
}

/// Up or down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// Smallest or oldest first.
    Asc,
    /// Largest or newest first.
    #[default]
    Desc,
}

impl From<OrderDirection> for Direction {
    fn from(direction: OrderDirection) -> Self {
        match direction {
            OrderDirection::Asc => Self::Ascending,
            OrderDirection::Desc => Self::Descending,
        }
    }
}
