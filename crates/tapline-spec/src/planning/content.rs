//! Where records are, and what becomes of them.

use tapline_expr::{Path, Place};

use super::Desk;
use crate::{Attributes, ContentPlan, ExplodePlan, Siblings, explode};

pub(super) fn plan(desk: &mut Desk, attributes: &Attributes) -> Option<ContentPlan> {
    let content = desk.need("contentPath", attributes.content_path.as_ref())?;
    let path: Place = desk.parse("contentPath/path", &content.path)?;
    // A list has no siblings, and no name to wrap its elements in.
    let siblings = if content.siblings && path.last_key().is_some() {
        siblings(&content.keep_attributes, &content.skip_attributes)
    } else {
        Siblings::none()
    };
    Some(ContentPlan {
        format: attributes.body_format(),
        siblings,
        wrapper: content.wrapper(&path),
        path,
    })
}

/// What `explodeEntityPath` says, which leads on from the records of `content`.
pub(super) fn explode(
    desk: &mut Desk,
    attributes: &Attributes,
    content: &ContentPlan,
) -> Option<ExplodePlan> {
    let explode = attributes.explode_entity_path.as_ref()?;
    let path: Path = desk.parse("explodeEntityPath/path", &explode.path)?;
    let keys = explode::keys(&path, content.wrapper.as_deref())
        .map_err(|wrong| desk.fail("E-explode-path", "explodeEntityPath/path", wrong.message))
        .ok()?;
    let own_name = keys.last()?.clone();
    let wrapper = explode.override_wrapper_attribute.clone();
    Some(ExplodePlan {
        siblings: siblings(&explode.keep_attributes, &explode.skip_attributes),
        wrapper: wrapper.unwrap_or(own_name),
        unwrap: explode.unwrap,
        keys,
    })
}

/// An empty list keeps everything, as if it were not given.
fn siblings(keep: &[String], skip: &[String]) -> Siblings {
    Siblings {
        keep: (!keep.is_empty()).then(|| keep.to_vec()),
        skip: skip.to_vec(),
    }
}
