//! `cube`: `cube_cmp_v0`.

use crate::order::{float, parse_float};

const MAX_DIMENSIONS: usize = 100;

/// The lower coordinates, the upper ones, and the number of dimensions. Coordinates that one cube lacks count as zero.
/// (`cube` itself compares the lower and upper coordinates of common dimensions before it looks at others, by which
/// cubes of unlike dimensions can be in no order at all.)
pub(super) fn write(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let text = text.trim();
    let text = match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.trim(),
        None => text,
    };
    let corner = |text: &str| -> Option<Vec<f64>> {
        if text.trim().is_empty() {
            return Some(Vec::new());
        }
        text.split(',').map(parse_float::<f64>).collect()
    };
    let (a, b) = match text.strip_prefix('(') {
        None => {
            let one = corner(text).filter(|one| !one.is_empty())?;
            (one.clone(), one)
        }
        Some(inner) => {
            let (first, rest) = inner.split_once(')')?;
            let first = corner(first)?;
            let rest = rest.trim_start();
            if rest.is_empty() {
                (first.clone(), first)
            } else {
                let second = rest.strip_prefix(',')?.trim().strip_prefix('(')?.strip_suffix(')')?;
                (first, corner(second)?)
            }
        }
    };
    if a.len() != b.len() || a.len() > MAX_DIMENSIONS {
        return None;
    }
    zeros(a.iter().zip(&b).map(|(a, b)| a.min(*b)), key);
    zeros(a.iter().zip(&b).map(|(a, b)| a.max(*b)), key);
    key.push(a.len() as u8);
    Some(())
}

/// Numbers with zeros without end behind them: how many zeros there are before a number, fewer being further from the
/// middle, and the number.
fn zeros(numbers: impl Iterator<Item = f64>, key: &mut Vec<u8>) {
    const MIDDLE: u8 = MAX_DIMENSIONS as u8;
    let mut run = 0;
    for number in numbers {
        if number == 0.0 {
            run += 1;
            continue;
        }
        key.push(if number < 0.0 { run } else { 2 * MIDDLE - run });
        key.extend(float(number).to_be_bytes());
        run = 0;
    }
    key.push(MIDDLE);
}
