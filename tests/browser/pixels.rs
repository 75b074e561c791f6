//! Decodes image files for shown.test.js: `pixels FOLDER` writes each file's RGBA pixels to `<file>.rgba` and prints a line
//! of JSON for each.

use std::fs;

use memeclip::preprocess::decode;
use serde_json::json;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("usage: pixels FOLDER");
    // All names first: what is written goes into the same folder.
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    for path in entries.iter().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let answer = match decode(&name, &fs::read(&path)?) {
            Ok(image) => {
                let alpha = image.alpha.clone().unwrap_or(vec![255; image.rgb.width * image.rgb.height]);
                let pixels = image.rgb.data.as_chunks::<3>().0.iter().zip(alpha);
                let rgba: Vec<u8> = pixels.flat_map(|([r, g, b], alpha)| [*r, *g, *b, alpha]).collect();
                fs::write(format!("{}.rgba", path.display()), rgba)?;
                json!({"name": name, "width": image.rgb.width, "height": image.rgb.height, "notices": image.notices()})
            }
            Err(error) => json!({"name": name, "error": error.code()}),
        };
        println!("{answer}");
    }
    Ok(())
}
