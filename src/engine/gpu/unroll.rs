//! Unrolls loops. WGSL cannot require it, compilers keep only those values in registers that no variable indexes, and
//! wgpu and Firefox add a counter to every loop, so that no compiler knows how often it runs.

/// Repeats the lines between `@for i 4` and `@end`, with 0, 1, ... in place of `$i`. The count may be a name in `counts`.
pub(super) fn unroll(source: &str, counts: &[(&str, u32)]) -> String {
    let mut lines = source.lines();
    repeat(&mut lines, counts).join("\n") + "\n"
}

/// The lines up to the next `@end`.
fn repeat<'a>(lines: &mut impl Iterator<Item = &'a str>, counts: &[(&str, u32)]) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(line) = lines.next() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("@end"), ..) => break,
            (Some("@for"), Some(variable), Some(count)) => {
                let named = counts.iter().find(|(name, _)| *name == count).map(|&(_, count)| count);
                let count = named.unwrap_or_else(|| count.parse().expect("a number or a known name after @for"));
                let (variable, body) = (format!("${variable}"), repeat(lines, counts));
                out.extend((0..count).flat_map(|i| {
                    let value = i.to_string();
                    body.iter().map(|line| line.replace(&variable, &value)).collect::<Vec<_>>()
                }));
            }
            _ => out.push(line.to_string()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_written_out_inside_out() {
        let source = "a\n  @for r 2\nb$r\n@for c MANY\nc$r_$cu\n@end\n@end\nd";
        assert_eq!(unroll(source, &[("MANY", 2)]), "a\nb0\nc0_0u\nc0_1u\nb1\nc1_0u\nc1_1u\nd\n");
    }
}
