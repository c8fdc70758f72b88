//! Where records are, and what becomes of them.

use tapline_expr::Path;

use super::Desk;
use crate::{Attributes, ContentPlan, Siblings};

pub(super) fn plan(desk: &mut Desk, attributes: &Attributes) -> Option<ContentPlan> {
    if attributes.explode_entity_path.is_some() {
        let message = "`explodeEntityPath` is not supported yet";
        desk.fail("E-not-supported", "explodeEntityPath", message);
    }
    let content = desk.need("contentPath", attributes.content_path.as_ref())?;
    let path: Path = desk.parse("contentPath/path", &content.path)?;
    // A list has no siblings, and no name to wrap its elements in.
    let has_name = path.last_key().is_some();
    let siblings = if content.siblings && has_name {
        let keep = &content.keep_attributes;
        Siblings {
            keep: (!keep.is_empty()).then(|| keep.clone()),
            skip: content.skip_attributes.clone(),
        }
    } else {
        Siblings::none()
    };
    let own_name = path.last_key().map(str::to_owned);
    let wrapper = content.override_wrapper_attribute.clone().or(own_name);
    Some(ContentPlan {
        siblings,
        wrapper: wrapper.filter(|_| has_name && !content.unwrap),
        path,
    })
}
