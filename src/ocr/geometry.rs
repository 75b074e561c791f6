//! Measures of a line's rectangle.

/// The corners of a line's rectangle, clockwise from the top left of its text: [x, y] each, in pixels of the image. The
/// rectangle may be rotated.
pub type Corners = [[f32; 2]; 4];

/// The vector from the left end of a line to its right end.
pub fn across([a, b, ..]: &Corners) -> [f32; 2] {
    [b[0] - a[0], b[1] - a[1]]
}

/// The size across the line.
pub fn height([a, _, _, d]: &Corners) -> f32 {
    (d[0] - a[0]).hypot(d[1] - a[1])
}

/// The length of a vector.
pub fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

/// The middle of the rectangle.
pub fn center(corners: &Corners) -> [f32; 2] {
    [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0)
}
