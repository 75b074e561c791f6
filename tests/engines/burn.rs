//! The burn engine, on both of its devices.

mod cases;
mod naive;

use cases::{Tolerance, check};
use memeclip::engine::Engine;
use memeclip_train::engine::Burn;
use memeclip_train::training::hateclipper::outer_product;

/// f32 throughout, in whatever order burn sums.
const EXACT: Tolerance = Tolerance { linear: |_| 2e-6, other: 1e-4 };

fn wgpu() -> Burn {
    Burn::wgpu().expect("a Vulkan, Metal or DX12 adapter, a software one will do")
}

#[test]
fn burn_flex() {
    pollster::block_on(check(&Burn::flex(), &EXACT));
}

#[test]
fn burn_wgpu() {
    pollster::block_on(check(&wgpu(), &EXACT));
}

/// Not an operation of the engines: only HateCLIPper's head needs it.
#[test]
fn outer_products() {
    for burn in [Burn::flex(), wgpu()] {
        for rows in [1, 3, 17] {
            for (cols_a, cols_b) in [(1, 1), (3, 1), (1, 5), (7, 13), (128, 64)] {
                let a: Vec<f32> = (0..rows * cols_a).map(|i| i as f32 / 8.0 - 3.0).collect();
                let b: Vec<f32> = (0..rows * cols_b).map(|i| 5.0 - i as f32 / 4.0).collect();
                let tensor = |cols, values| burn.tensor(rows, cols, values).unwrap();
                let product = outer_product(tensor(cols_a, &a), tensor(cols_b, &b));
                assert_eq!(burn.shape(&product), (rows, cols_a * cols_b));
                let found = pollster::block_on(burn.read(&[&product])).unwrap().remove(0);
                let mut expected = Vec::new();
                for row in 0..rows {
                    for i in 0..cols_a {
                        expected.extend((0..cols_b).map(|j| a[row * cols_a + i] * b[row * cols_b + j]));
                    }
                }
                assert_eq!(found, expected, "{}: [{rows}, {cols_a}] x [{rows}, {cols_b}]", burn.name());
            }
        }
    }
}
