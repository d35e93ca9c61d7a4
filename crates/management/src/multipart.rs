//! Forms with files (RFC 7578), as a browser or curl sends them.

/// The boundary in the content type of such a form.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let found = key.trim().eq_ignore_ascii_case("boundary");
        found.then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The content of the part of this name.
pub(crate) fn part<'a>(body: &'a [u8], boundary: &str, name: &str) -> Option<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let mut rest = body.get(find(body, delimiter.as_bytes())? + delimiter.len()..)?;
    let delimiter = format!("\r\n{delimiter}");
    loop {
        // After the delimiter comes a line's end, or two dashes after the last.
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        let (content, after) = part.split_at_checked(end)?;
        rest = after.get(delimiter.len()..)?;
        let head_end = match content.strip_prefix(b"\r\n") {
            Some(_) => 0,
            None => find(content, b"\r\n\r\n")? + 2,
        };
        let (head, content) = content.split_at_checked(head_end)?;
        if is_named(&String::from_utf8_lossy(head), name) {
            return content.get(2..);
        }
    }
}

fn is_named(head: &str, name: &str) -> bool {
    head.lines().any(|line| {
        let Some((key, value)) = line.split_once(':') else {
            return false;
        };
        let mut parameters = value.split(';').skip(1);
        key.eq_ignore_ascii_case("content-disposition")
            && parameters.any(|parameter| {
                let parameter = parameter.trim();
                let given = parameter.strip_prefix("name=");
                given.is_some_and(|given| given.trim_matches('"') == name)
            })
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"redirect\"\r\n\
        \r\n/#/import\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; \
        filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\"a\":\r\n1}\r\n--B--\r\n";

    #[test]
    fn the_boundary_is_in_the_content_type() {
        for (kind, expected) in [
            ("multipart/form-data; boundary=B", Some("B")),
            (
                "Multipart/Form-Data; charset=x; boundary=\"a b\"",
                Some("a b"),
            ),
            ("multipart/form-data", None),
            ("application/json; boundary=B", None),
        ] {
            assert_eq!(boundary(kind).as_deref(), expected, "{kind}");
        }
    }

    #[test]
    fn parts_are_found_by_name() {
        assert_eq!(part(FORM, "B", "file"), Some(&b"{\"a\":\r\n1}"[..]));
        assert_eq!(part(FORM, "B", "redirect"), Some(&b"/#/import"[..]));
        assert_eq!(part(FORM, "B", "other"), None);
        assert_eq!(part(FORM, "C", "file"), None);
    }

    #[test]
    fn a_form_that_is_cut_off_has_no_part() {
        for length in 0..FORM.len() {
            let cut = part(&FORM[..length], "B", "file");
            assert!(cut.is_none() || length > FORM.len() - 6, "{length}");
        }
    }
}
