//! Fields whose values an object has already. async-graphql makes a future of each field of each object; a page of runs with
//! their failures has hundreds of them that wait for nothing. Of the objects that pages are made of, those are put into the
//! answer as they stand, and only the others become futures (docs/adr/0076).
//!
//! Where an extension wants to see each field, a directive stands at one, or two fields have one name in the answer,
//! everything goes the ordinary way.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ID, Name, ObjectType, OutputType, Positioned, ScalarType,
    ServerResult, Value,
};
use async_trait::async_trait;
use futures::future::{BoxFuture, try_join_all};

use super::scalar::{BigInt, DateTime};

/// An object that has the values of some of its fields.
pub(super) trait Ready: ContainerType {
    /// The value of the field that is resolved; `None` for one that has to be waited for.
    fn ready(&self, ctx: &Context<'_>) -> Option<Value>;
}

/// Says of which fields a row has the values, beside its id: names as the API has them, and the functions that tell them.
macro_rules! ready {
    ($object:ident { $($name:literal => $field:ident),* $(,)? }) => {
        impl $crate::graphql::ready::Ready for $object {
            fn ready(&self, ctx: &async_graphql::Context<'_>) -> Option<async_graphql::Value> {
                match ctx.item.node.name.node.as_str() {
                    "id" => $crate::graphql::ready::Put::put(&id(domain::id::Kind::$object, self.0.id), ctx),
                    $($name => $crate::graphql::ready::Put::put(&self.$field(ctx), ctx),)*
                    _ => None,
                }
            }
        }
    };
}

/// The same of an object that is made of its fields.
macro_rules! ready_fields {
    ($object:ty { $($name:literal => $field:ident),* $(,)? }) => {
        impl $crate::graphql::ready::Ready for $object {
            fn ready(&self, ctx: &async_graphql::Context<'_>) -> Option<async_graphql::Value> {
                match ctx.item.node.name.node.as_str() {
                    $($name => $crate::graphql::ready::Put::put(&self.$field, ctx),)*
                    _ => None,
                }
            }
        }
    };
}

/// Says that the values of these enums can be put into an answer.
macro_rules! put_enums {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::graphql::ready::Put for $name {
            fn put(&self, _ctx: &async_graphql::Context<'_>) -> Option<async_graphql::Value> {
                Some(async_graphql::resolver_utils::enum_value(*self))
            }
        }
    )*};
}

pub(super) use {put_enums, ready, ready_fields};

/// A value that can be put into an answer.
pub(super) trait Put {
    /// How it stands there; `None` where something in it has to be waited for.
    fn put(&self, ctx: &Context<'_>) -> Option<Value>;
}

impl<T: Ready> Put for T {
    fn put(&self, ctx: &Context<'_>) -> Option<Value> {
        let set = ctx.with_selection_set(&ctx.item.node.selection_set);
        let mut fields = IndexMap::with_capacity(set.item.node.items.len());
        fill(self, &set, &mut fields, None)?;
        Some(Value::Object(fields))
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, ctx: &Context<'_>) -> Option<Value> {
        self.iter().map(|value| value.put(ctx)).collect::<Option<_>>().map(Value::List)
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, ctx: &Context<'_>) -> Option<Value> {
        self.as_ref().map_or(Some(Value::Null), |value| value.put(ctx))
    }
}

impl Put for ID {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

impl Put for &str {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(Value::String((*self).to_owned()))
    }
}

impl Put for String {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

impl Put for bool {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl Put for i32 {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(Value::Number((*self).into()))
    }
}

impl Put for DateTime {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(self.to_value())
    }
}

impl Put for BigInt {
    fn put(&self, _ctx: &Context<'_>) -> Option<Value> {
        Some(self.to_value())
    }
}

/// In the data of a schema that has no extensions.
pub(super) struct Unwatched;

/// An object that is resolved the short way. In the schema it is the object.
#[derive(Clone, Debug)]
pub struct Quick<T>(pub(super) T);

#[async_trait]
impl<T: Ready> OutputType for Quick<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut fields = IndexMap::with_capacity(ctx.item.node.items.len());
        let mut waiting = Vec::new();
        let is_watched = ctx.data_opt::<Unwatched>().is_none();
        if is_watched || fill(&self.0, ctx, &mut fields, Some(&mut waiting)).is_none() {
            return resolve_container(ctx, &self.0).await;
        }
        for (place, value) in try_join_all(waiting).await? {
            if let Some((_name, field)) = fields.get_index_mut(place) {
                *field = value;
            }
        }
        Ok(Value::Object(fields))
    }
}

#[async_trait]
impl<T: Ready> ContainerType for Quick<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
    }

    async fn find_entity(&self, ctx: &Context<'_>, params: &Value) -> ServerResult<Option<Value>> {
        self.0.find_entity(ctx, params).await
    }
}

impl<T: Ready> ObjectType for Quick<T> {}

impl<T: Ready> Ready for Quick<T> {
    fn ready(&self, ctx: &Context<'_>) -> Option<Value> {
        self.0.ready(ctx)
    }
}

/// Fields that are waited for: their places in the object, and what comes to stand there.
type Waiting<'a> = Vec<BoxFuture<'a, ServerResult<(usize, Value)>>>;

/// Puts what an object has into the answer, and leaves places for what has to be waited for. `None` where the object has to go
/// the ordinary way, or nothing can be waited for.
fn fill<'a, T: Ready>(
    object: &'a T,
    ctx: &ContextSelectionSet<'a>,
    fields: &mut IndexMap<Name, Value>,
    mut waiting: Option<&mut Waiting<'a>>,
) -> Option<()> {
    for selection in &ctx.item.node.items {
        match &selection.node {
            Selection::Field(field) => {
                let name = &field.node.response_key().node;
                if !field.node.directives.is_empty() || fields.contains_key(name) {
                    return None;
                }
                let value = match field.node.name.node.as_str() {
                    "__typename" => Some(Value::String(T::type_name().into_owned())),
                    _ => object.ready(&ctx.with_field(field)),
                };
                let place = fields.len();
                match (value, waiting.as_deref_mut()) {
                    (Some(value), _) => {
                        fields.insert(name.clone(), value);
                    }
                    (None, None) => return None,
                    (None, Some(waiting)) => {
                        fields.insert(name.clone(), Value::Null);
                        let ctx = ctx.clone();
                        waiting.push(Box::pin(async move {
                            let value = object.resolve_field(&ctx.with_field(field)).await?;
                            Ok((place, value.unwrap_or_default()))
                        }));
                    }
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = &ctx.query_env.fragments.get(&spread.node.fragment_name.node)?.node;
                if !spread.node.directives.is_empty()
                    || fragment.type_condition.node.on.node != *T::type_name()
                {
                    return None;
                }
                fill(
                    object,
                    &ctx.with_selection_set(&fragment.selection_set),
                    fields,
                    waiting.as_deref_mut(),
                )?;
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let is_it = condition.is_none_or(|condition| condition.node.on.node == *T::type_name());
                if !fragment.node.directives.is_empty() || !is_it {
                    return None;
                }
                let set = ctx.with_selection_set(&fragment.node.selection_set);
                fill(object, &set, fields, waiting.as_deref_mut())?;
            }
        }
    }
    Some(())
}
