//! Loops over independent parts, on all cores. In a browser: on the threads that the page allows, or on its Worker alone.

use std::marker::PhantomData;

use rayon::prelude::*;

/// Calls `f(scratch, i)` for i in 0..n. A thread reuses its scratch memory from call to call.
pub fn each<S>(n: usize, scratch: impl Fn() -> S + Sync + Send, f: impl Fn(&mut S, usize) + Sync + Send) {
    (0..n).into_par_iter().for_each_init(scratch, f);
}

/// Calls `f(i, row i)` for the rows of a row-major matrix with `cols` columns.
pub fn rows<T: Send>(matrix: &mut [T], cols: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
    matrix.par_chunks_mut(cols).with_min_len(fewest_rows(cols)).enumerate().for_each(|(i, row)| f(i, row));
}

/// As [`rows`], for the rows of two matrices with as many columns as their pairs say.
pub fn rows_of_two<T: Send, S: Send>(
    (a, a_cols): (&mut [T], usize),
    (b, b_cols): (&mut [S], usize),
    f: impl Fn(usize, &mut [T], &mut [S]) + Sync + Send,
) {
    let rows = a.par_chunks_mut(a_cols).zip(b.par_chunks_mut(b_cols)).with_min_len(fewest_rows(a_cols));
    rows.enumerate().for_each(|(i, (a, b))| f(i, a, b));
}

/// Handing a part to another thread costs as much as a few thousand values.
fn fewest_rows(cols: usize) -> usize {
    8192usize.div_ceil(cols)
}

/// A row-major matrix whose columns are written by several threads, each in its own range.
pub struct Columns<'a> {
    values: *mut f32,
    rows: usize,
    cols: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: threads write what no other one touches: the contract of `row`.
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    pub fn new(matrix: &'a mut [f32], cols: usize) -> Self {
        Columns { rows: matrix.len() / cols, cols, values: matrix.as_mut_ptr(), matrix: PhantomData }
    }

    /// Columns `start..start + n` of a row.
    ///
    /// # Safety
    /// No two slices that are alive at the same time may overlap.
    #[expect(clippy::mut_from_ref, reason = "the contract above")]
    pub unsafe fn row(&self, row: usize, start: usize, n: usize) -> &mut [f32] {
        assert!(row < self.rows && start + n <= self.cols);
        // SAFETY: within the matrix, which is borrowed for 'a; the caller sees to the rest.
        unsafe { std::slice::from_raw_parts_mut(self.values.add(row * self.cols + start), n) }
    }
}
