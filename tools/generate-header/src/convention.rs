//! The calling convention of the functions and handlers that a header declares.

/// Stands before the name of each.
pub const MARK: &str = "CBSVC_CALL ";

/// A header with the mark.
pub fn marked(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let mut is_continued = false;
    for line in header.lines() {
        let is_declaration = line.starts_with(|first: char| first.is_ascii_lowercase());
        // Of a type, the mark stands before the star; of a function, behind it.
        let name = ["(*cbsvc_", " cbsvc_", "*cbsvc_"]
            .into_iter()
            .filter(|_| is_declaration && line.contains('('))
            .find_map(|before| line.find(before).map(|start| start + 1));
        if let Some((before, after)) = name.map(|at| line.split_at(at)) {
            out.push_str(&format!("{before}{MARK}{after}\n"));
            is_continued = !line.ends_with(';');
        } else if is_continued {
            out.push_str(&format!("{:1$}{line}\n", "", MARK.len()));
            is_continued = !line.ends_with(';');
        } else {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}
