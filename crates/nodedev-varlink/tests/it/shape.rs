//! Whether a JSON value has the shape that the interface's text gives it.

use std::collections::BTreeSet;

use serde_json::Value;
use zlink::idl::{Field, Interface, Type};

/// Checks parameters or a reply. `full` values must have every field, so that the text has none that
/// the types lack.
#[track_caller]
pub(crate) fn check<'a>(
    interface: &'a Interface<'a>,
    fields: impl Iterator<Item = &'a Field<'a>>,
    value: &Value,
    full: bool,
) {
    object(&Checking { interface, full }, fields, value, "");
}

struct Checking<'a> {
    interface: &'a Interface<'a>,
    full: bool,
}

fn object<'a>(
    checking: &Checking<'a>,
    fields: impl Iterator<Item = &'a Field<'a>>,
    value: &Value,
    place: &str,
) {
    let object = value.as_object().unwrap_or_else(|| panic!("{place}: no object: {value}"));
    let mut unknown: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    for field in fields {
        let (name, place) = (field.name().as_str(), format!("{place}.{}", field.name()));
        unknown.remove(name);
        match object.get(name) {
            Some(value) => conforms(checking, field.ty(), value, &place),
            None => {
                let optional = matches!(field.ty(), Type::Optional(_));
                assert!(optional && !checking.full, "{place}: is missing");
            }
        }
    }
    assert!(unknown.is_empty(), "{place}: the text does not know {unknown:?}");
}

fn conforms(checking: &Checking<'_>, ty: &Type<'_>, value: &Value, place: &str) {
    let fits = match ty {
        Type::Bool => value.is_boolean(),
        Type::Int => value.is_i64() || value.is_u64(),
        Type::Float => value.is_f64(),
        Type::String => value.is_string(),
        // Which JSON type it is says the comment.
        Type::ForeignObject | Type::Any => true,
        Type::Optional(_) if value.is_null() => !checking.full,
        Type::Optional(inner) => return conforms(checking, inner.inner(), value, place),
        Type::Array(inner) => {
            let items = value.as_array().unwrap_or_else(|| panic!("{place}: no array: {value}"));
            assert!(!checking.full || !items.is_empty(), "{place}: an empty sample shows nothing");
            return items.iter().for_each(|item| conforms(checking, inner.inner(), item, place));
        }
        Type::Enum(variants) => variants.iter().any(|variant| value == variant.name().as_str()),
        Type::Custom(name) => {
            let mut types = checking.interface.custom_types();
            let found = types.find(|found| found.name() == name);
            let found = found.unwrap_or_else(|| panic!("{place}: there is no type {name}"));
            let fields = found.as_object().unwrap();
            return object(checking, fields.fields(), value, place);
        }
        other => panic!("{place}: the interface does not use {other}"),
    };
    assert!(fits, "{place}: {value} is no {ty}");
}

/// The variants of the enum that is the type of a custom type's field.
pub(crate) fn variants(
    interface: &Interface<'_>,
    type_name: &str,
    field: &str,
) -> BTreeSet<String> {
    let mut types = interface.custom_types();
    let found = types.find(|found| found.name() == type_name).unwrap().as_object().unwrap();
    let field = found.fields().find(|found| found.name() == field).unwrap();
    let Type::Enum(variants) = field.ty() else { panic!("{field} is no enum") };
    variants.iter().map(|variant| variant.name().to_string()).collect()
}
