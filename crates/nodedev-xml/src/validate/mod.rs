//! Decides whether a document has the form that libvirt's schema asks for.
//!
//! `form` is the table of what a document may consist of, in the words of `shape` and `value`; `check`
//! holds a document against it. Nothing is read from a file and no program is run.

mod check;
mod form;
mod shape;
mod value;
mod violation;

use crate::Error;
use crate::read::within_root;
pub use violation::{Problem, Violation};

/// Why a document has not the form that it has to have.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It is no document of a device, or it is over the limits of [`read`](crate::read()).
    #[error(transparent)]
    Document(#[from] Error),
    /// Something in it is not as it has to be.
    #[error(transparent)]
    Form(#[from] Violation),
}

/// Checks whether a document has the form that libvirt 11.3 asks for in its schema `nodedev.rng`.
///
/// That is stricter than what reading takes: whatever is not known is refused, most elements have
/// their places, and each device has a name, also one that is to be made. It is laxer as well: a
/// document of several capabilities has a good form.
///
/// ```
/// use nodedev_xml::validate;
///
/// let document = |group: &str| {
///     format!(
///         "<device><name>x</name><parent>mtty_mtty</parent><capability type='mdev'>\
///          <type id='mtty-1'/><iommuGroup number='{group}'/></capability></device>"
///     )
/// };
/// validate(&document("7"))?;
/// assert_eq!(
///     validate(&document("seven")).unwrap_err().to_string(),
///     "device/capability/iommuGroup: attribute `number` is `seven`, not a decimal number up to \
///      4294967295",
/// );
/// # Ok::<(), nodedev_xml::Invalid>(())
/// ```
///
/// # Errors
///
/// [`Invalid::Document`] when the text is not well-formed, brings a document type definition, is over
/// a limit or about something else than a device, [`Invalid::Form`] with the first thing in it that is
/// not as it has to be.
pub fn validate(xml: &str) -> Result<(), Invalid> {
    within_root(xml, |root| Ok(check::root(root.node())))?.map_err(Invalid::Form)
}
