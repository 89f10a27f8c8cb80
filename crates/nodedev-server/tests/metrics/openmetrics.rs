//! A strict reader of the OpenMetrics text format: whatever the specification forbids and we could get
//! wrong is refused, with the line.

use std::collections::{BTreeMap, BTreeSet};

/// A family with its samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line with a number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

pub(crate) type Families = BTreeMap<String, Family>;

/// The families of a text, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Families, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF`")?;
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut families = Families::new();
    let mut current = None;
    for line in body.lines() {
        take(line, &mut families, &mut current).map_err(|why| format!("{why}: `{line}`"))?;
    }
    for (name, family) in &families {
        check(name, family).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(families)
}

fn take(line: &str, families: &mut Families, current: &mut Option<String>) -> Result<(), String> {
    let Some(comment) = line.strip_prefix("# ") else {
        let name = current.as_ref().ok_or("a sample before any family")?;
        let sample = sample(line)?;
        let family = families.get_mut(name).ok_or("no such family")?;
        let suffix = sample.name.strip_prefix(name.as_str()).ok_or("a sample of another family")?;
        if !suffixes(&family.kind).contains(&suffix) {
            return Err(format!("`{suffix}` does not suit a {}", family.kind));
        }
        family.samples.push(sample);
        return Ok(());
    };
    let mut words = comment.splitn(3, ' ');
    let (what, name) = (words.next().unwrap_or_default(), words.next().ok_or("no name")?);
    let rest = words.next().ok_or("nothing is said of it")?;
    if current.as_deref() != Some(name) {
        if !is_name(name, true) {
            return Err("a bad name".to_owned());
        }
        if families.insert(name.to_owned(), Family::default()).is_some() {
            return Err("the family was there before".to_owned());
        }
        *current = Some(name.to_owned());
    }
    let family = families.get_mut(name).ok_or("no such family")?;
    if !family.samples.is_empty() {
        return Err("said behind samples".to_owned());
    }
    match what {
        "HELP" if family.help.is_empty() => family.help = rest.to_owned(),
        "TYPE" if family.kind.is_empty() => family.kind = rest.to_owned(),
        "UNIT" if family.unit.is_none() => family.unit = Some(rest.to_owned()),
        _ => return Err("said twice, or unknown".to_owned()),
    }
    Ok(())
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[],
    }
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err("a bad name".to_owned());
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    if value.contains(' ') {
        return Err("a timestamp or an exemplar".to_owned());
    }
    let value = value.parse().map_err(|_| "no number")?;
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// The labels, and what is behind them.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"").ok_or("no label")?;
        if !is_name(name, false) {
            return Err("a bad name of a label".to_owned());
        }
        let (value, behind) = quoted(value)?;
        if value.is_empty() {
            return Err("an empty label".to_owned());
        }
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("a label twice".to_owned());
        }
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok((labels, behind.strip_prefix('}').ok_or("no end of labels")?)),
        }
    }
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, same @ ('"' | '\\'))) => same,
                _ => return Err("a bad escape".to_owned()),
            }),
            character => value.push(character),
        }
    }
    Err("a label that does not end".to_owned())
}

fn is_name(name: &str, colons: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || colons && c == ':';
    let mut characters = name.chars();
    characters.next().is_some_and(letter) && characters.all(|c| letter(c) || c.is_ascii_digit())
}

fn check(name: &str, family: &Family) -> Result<(), String> {
    if suffixes(&family.kind).is_empty() {
        return Err(format!("`{}` is no type", family.kind));
    }
    if family.help.is_empty() || family.help.ends_with('.') {
        return Err("a help text is missing, or ends with a stop".to_owned());
    }
    if let Some(unit) = &family.unit
        && !name.ends_with(&format!("_{unit}"))
    {
        return Err(format!("its unit is {unit}"));
    }
    if family.kind == "counter" && name.ends_with("_total") {
        return Err("`_total` belongs to its samples".to_owned());
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("twice: {sample:?}"));
        }
        if family.kind != "gauge" && (sample.value < 0.0 || !sample.value.is_finite()) {
            return Err(format!("a bad number: {sample:?}"));
        }
        if family.kind == "info" && (sample.value - 1.0).abs() > 0.0 {
            return Err("an info is 1".to_owned());
        }
    }
    if family.kind == "histogram" { histograms(family) } else { Ok(()) }
}

/// Of each series: buckets in order that never shrink, and a last one that holds all.
fn histograms(family: &Family) -> Result<(), String> {
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let has_bound = labels.remove("le").is_some();
        if has_bound != sample.name.ends_with("_bucket") {
            return Err(format!("`le` is for buckets: {sample:?}"));
        }
        series.entry(labels).or_default().push(sample);
    }
    for (labels, samples) in series {
        let number = |suffix: &str| {
            let found = samples.iter().find(|sample| sample.name.ends_with(suffix));
            found.map(|sample| sample.value).ok_or_else(|| format!("no {suffix} of {labels:?}"))
        };
        let (count, _) = (number("_count")?, number("_sum")?);
        let buckets = samples.iter().filter(|sample| sample.name.ends_with("_bucket"));
        let bounds: Vec<(f64, f64)> = buckets
            .map(|sample| {
                Ok((sample.labels["le"].parse().map_err(|_| "a bad bound")?, sample.value))
            })
            .collect::<Result<_, &str>>()?;
        let grows = bounds.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        if !grows || bounds.last() != Some(&(f64::INFINITY, count)) {
            return Err(format!("buckets of {labels:?}: {bounds:?}, count {count}"));
        }
    }
    Ok(())
}

#[test]
fn what_the_format_forbids_is_refused() {
    let family = "# HELP a An a\n# TYPE a gauge\n";
    assert!(read(&format!("{family}a{{b=\"c\"}} 1\n# EOF\n")).is_ok());
    let bad = [
        format!("{family}a 1\n"),
        format!("{family}a 1\n# EOF"),
        format!("{family}b 1\n# EOF\n"),
        format!("{family}a_total 1\n# EOF\n"),
        format!("{family}a 1\na 2\n# EOF\n"),
        format!("{family}a{{b=\"c\",b=\"d\"}} 1\n# EOF\n"),
        format!("{family}a{{b=\"\\x\"}} 1\n# EOF\n"),
        format!("{family}a{{1=\"c\"}} 1\n# EOF\n"),
        format!("{family}a x\n# EOF\n"),
        format!("{family}a 1\n# TYPE a gauge\n# EOF\n"),
        format!("{family}a 1\n# HELP b A b\n# TYPE b gauge\n{family}# EOF\n"),
        "# TYPE a gauge\na 1\n# EOF\n".to_owned(),
        "# HELP a An a\n# TYPE a counter\na 1\n# EOF\n".to_owned(),
        "# HELP a An a\n# TYPE a counter\na_total -1\n# EOF\n".to_owned(),
        "# HELP a An a\n# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n".to_owned(),
    ];
    for text in bad {
        assert!(read(&text).is_err(), "{text}");
    }
    let histogram = |buckets: &str| {
        format!("# HELP a An a\n# TYPE a histogram\na_sum 1\na_count 2\n{buckets}# EOF\n")
    };
    let good = "a_bucket{le=\"1.0\"} 1\na_bucket{le=\"+Inf\"} 2\n";
    assert_eq!(read(&histogram(good)).map(|_| ()), Ok(()));
    assert!(read(&histogram("")).is_err());
    assert!(read(&histogram("a_bucket{le=\"+Inf\"} 1\n")).is_err());
    assert!(read(&histogram("a_bucket{le=\"1.0\"} 3\na_bucket{le=\"+Inf\"} 2\n")).is_err());
}
