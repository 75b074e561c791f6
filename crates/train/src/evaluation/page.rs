use maud::{Markup, PreEscaped, html};

const STYLE: &str = concat!(include_str!("../../../../www/demo/theme.css"), include_str!("report.css"));

/// The head of a page that is one self-contained file without scripts.
pub fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            // A meme's text cannot load anything, even if it were taken for markup.
            meta http-equiv="Content-Security-Policy"
                content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
    }
}
