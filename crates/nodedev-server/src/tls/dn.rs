//! The name in a certificate, written as GnuTLS prints it, so that lists made for libvirt hold.
//!
//! In the order of the certificate, which is the reverse of RFC 4514, and otherwise as it says.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, BmpString, Tag, ToDer};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// What GnuTLS 3.7 calls the attributes. Others go by their numbers.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAIL"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionOfIncorporationLocalityName"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionOfIncorporationStateOrProvinceName"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionOfIncorporationCountryName"),
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "surName"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
];

/// Whose certificate it is.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> Result<String, String> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    Ok(print(certificate.subject()))
}

pub(super) fn print(name: &X509Name<'_>) -> String {
    let mut printed = String::new();
    for (place, set) in name.iter().enumerate() {
        for (member, attribute) in set.iter().enumerate() {
            match (place, member) {
                (0, 0) => {}
                (_, 0) => printed.push(','),
                _ => printed.push('+'),
            }
            let oid = attribute.attr_type().to_id_string();
            let known = ATTRIBUTES.iter().find(|(number, _)| *number == oid);
            let text = known.and_then(|_| text(attribute.attr_value()));
            printed.push_str(known.map_or(oid.as_str(), |(_, name)| name));
            printed.push('=');
            match text {
                Some(text) => escape(&text, &mut printed),
                None => hexadecimal(attribute.attr_value(), &mut printed),
            }
        }
    }
    printed
}

/// The value where it is text. A NUL, which could end it early for others, is none.
fn text(value: &Any<'_>) -> Option<String> {
    let text = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8(value.data.to_vec()).ok()?
        }
        Tag::BmpString => BmpString::try_from(value.clone()).ok()?.string(),
        _ => return None,
    };
    (!text.contains('\0')).then_some(text)
}

fn escape(text: &str, printed: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        let special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => place == 0,
            ' ' => place == 0 || place == last,
            _ => false,
        };
        if special {
            printed.push('\\');
        }
        printed.push(character);
    }
}

/// `#` and the value with its tag and length.
fn hexadecimal(value: &Any<'_>, printed: &mut String) {
    printed.push('#');
    for byte in value.to_der_vec().unwrap_or_default() {
        let _ = write!(printed, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use rcgen::string::{BmpString, PrintableString, TeletexString};
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn printed(attributes: &[(DnType, DnValue)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let key = KeyPair::generate().unwrap();
        subject(params.self_signed(&key).unwrap().der()).unwrap()
    }

    fn common_name(text: &str) -> String {
        printed(&[(DnType::CommonName, text.into())])
    }

    #[test]
    fn in_the_order_of_the_certificate() {
        let name = printed(&[
            (DnType::CountryName, "GB".into()),
            (DnType::StateOrProvinceName, "London".into()),
            (DnType::LocalityName, "London".into()),
            (DnType::OrganizationName, "Red Hat".into()),
            (DnType::CommonName, "name".into()),
        ]);
        assert_eq!(name, "C=GB,ST=London,L=London,O=Red Hat,CN=name");
        let name = printed(&[
            (DnType::CommonName, "name".into()),
            (DnType::OrganizationalUnitName, "unit".into()),
        ]);
        assert_eq!(name, "CN=name,OU=unit");
        assert_eq!(printed(&[]), "");
    }

    #[test]
    fn what_would_read_as_something_else_is_escaped() {
        for (text, expected) in [
            ("a,b", r"CN=a\,b"),
            ("a+b", r"CN=a\+b"),
            (r#"a"b"#, r#"CN=a\"b"#),
            (r"a\b", r"CN=a\\b"),
            ("a<b>c;d", r"CN=a\<b\>c\;d"),
            ("#a#", r"CN=\#a#"),
            (" a b ", r"CN=\ a b\ "),
            (" both  ", r"CN=\ both \ "),
            (" ", r"CN=\ "),
            ("a=b*?", "CN=a=b*?"),
            ("Zoë ☃", "CN=Zoë ☃"),
        ] {
            assert_eq!(common_name(text), expected);
        }
    }

    #[test]
    fn other_attributes_go_by_number_and_other_values_by_digits() {
        let custom = DnType::CustomDnType(vec![2, 5, 4, 97]);
        assert_eq!(printed(&[(custom, "oi".into())]), "2.5.4.97=#0c026f69");
        let teletex = DnValue::TeletexString(TeletexString::try_from("ab").unwrap());
        assert_eq!(printed(&[(DnType::CommonName, teletex)]), "CN=#14026162");
        assert_eq!(common_name("a\0b"), "CN=#0c03610062");
    }

    #[test]
    fn text_comes_in_several_encodings() {
        let printable = DnValue::PrintableString(PrintableString::try_from("ab").unwrap());
        assert_eq!(printed(&[(DnType::CommonName, printable)]), "CN=ab");
        let wide = DnValue::BmpString(BmpString::try_from("Zoë").unwrap());
        assert_eq!(printed(&[(DnType::CommonName, wide)]), "CN=Zoë");
    }

    #[test]
    fn what_is_no_certificate_has_no_name() {
        assert!(subject(&CertificateDer::from(&b"\x30\x03\x02\x01"[..])).is_err());
    }
}
