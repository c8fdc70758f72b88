//! The border as it was released. A diff here is a change of the ABI: it may only add lines, and
//! only where the crate's rules allow it.

use std::collections::{BTreeMap, BTreeSet};

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TLField, TLFunction, TypeLayout};
use tapline_abi::RootRef;

/// The types that can be reached from the root. Those of `abi_stable` are only named.
#[derive(Default)]
struct Dump {
    seen: BTreeSet<usize>,
    types: BTreeMap<String, BTreeSet<String>>,
}

impl Dump {
    fn layout(&mut self, layout: &'static TypeLayout) {
        if !self.seen.insert(std::ptr::from_ref(layout).addr()) {
            return;
        }
        if layout.package() != "abi_stable" && layout.package() != "std" {
            let place = format!("{} {}", layout.mod_path(), layout.name());
            self.types
                .entry(place)
                .or_default()
                .insert(describe(layout));
        }
        let fields = layout.get_fields();
        for field in fields.into_iter().flatten().chain(layout.phantom_fields()) {
            self.layout(field.layout());
            for function in field.function_range() {
                layouts(&function).for_each(|layout| self.layout(layout));
            }
        }
    }
}

/// The types of the parameters, then that of the result.
fn layouts(function: &TLFunction) -> impl Iterator<Item = &'static TypeLayout> {
    let params: Vec<_> = function.param_type_layouts.iter().collect();
    params
        .into_iter()
        .chain(function.return_type_layout())
        .map(|layout| layout())
}

fn describe(layout: &'static TypeLayout) -> String {
    let prefix = match layout.data() {
        TLData::PrefixType(prefix) => format!(", prefix of {}", prefix.first_suffix_field),
        _ => String::new(),
    };
    let size = (layout.size(), layout.alignment());
    let mut text = format!("size {}, align {}{prefix}\n", size.0, size.1);
    for field in layout.get_fields().into_iter().flatten() {
        text += &format!("    {}: {}\n", field.name(), field_type(&field));
    }
    text
}

fn field_type(field: &TLField) -> String {
    let functions: Vec<String> = field
        .function_range()
        .iter()
        .map(|function| {
            let types: Vec<String> = layouts(&function).map(type_name).collect();
            format!("fn({})", types.join(", "))
        })
        .collect();
    if functions.is_empty() {
        return type_name(field.layout());
    }
    functions.join("; ")
}

/// The type's name; an enum with what it holds, as `RResult` alone says little.
fn type_name(layout: &'static TypeLayout) -> String {
    let name = layout.full_type().to_string();
    let TLData::Enum(_) = layout.data() else {
        return name;
    };
    let fields: Vec<String> = layout
        .get_fields()
        .into_iter()
        .flatten()
        .map(|field| type_name(field.layout()))
        .collect();
    format!("{name}<{}>", fields.join(", "))
}

#[test]
fn the_layout_is_the_released_one() {
    let mut dump = Dump::default();
    dump.layout(<RootRef as StableAbi>::LAYOUT);
    let mut text = String::new();
    for (place, layouts) in dump.types {
        for layout in layouts {
            text += &format!("{place}: {layout}");
        }
    }
    insta::assert_snapshot!(text);
}
