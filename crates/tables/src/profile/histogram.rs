//! A histogram of values that pass by once: the bars are as wide as a power of two, and as wide as it takes for all values
//! to fit into few of them. Every value is counted in exactly one.

/// Values that lie on a line.
pub(crate) trait Ordinal: Copy {
    /// In which stretch of 2^`exponent` a value lies, counted from 0; the last number in its direction if there is none for
    /// it.
    fn bins(exponent: i32) -> impl Fn(Self) -> i64;
    /// A width to begin with.
    fn first_exponent(self) -> i32;
}

impl Ordinal for i64 {
    #[inline]
    fn bins(exponent: i32) -> impl Fn(Self) -> i64 {
        let shift = exponent.clamp(0, 63);
        move |value| value >> shift
    }

    fn first_exponent(self) -> i32 {
        0
    }
}

impl Ordinal for f64 {
    #[inline]
    fn bins(exponent: i32) -> impl Fn(Self) -> i64 {
        let scale = f64::from(-exponent).exp2();
        move |value| {
            let scaled = value * scale;
            // Rounds down: `floor` is a call where the processor may lack the instruction.
            let near = scaled as i64;
            let bin = near.saturating_sub((near as f64 > scaled).into());
            // The product of a tiny one is zero, which lies on the other side of the edge.
            if bin == 0 && value < 0.0 { -1 } else { bin }
        }
    }

    /// So that the first value lies in about the thousandth stretch.
    fn first_exponent(self) -> i32 {
        if self == 0.0 { -20 } else { (self.abs().log2().floor() as i32 - 10).clamp(-1000, 1000) }
    }
}

const BINS: usize = 64;
/// What is told has no more.
pub(crate) const MAX_BARS: i64 = 20;

#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    exponent: i32,
    /// Which stretch the first bin is.
    first: i64,
    bins: [u64; BINS],
    /// The first and the last stretch with a value.
    used: Option<(i64, i64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { exponent: 0, first: 0, bins: [0; BINS], used: None }
    }
}

impl Histogram {
    /// Rows of one value.
    pub(crate) fn add<T: Ordinal>(&mut self, value: T, rows: u64) {
        let bin = T::bins(self.exponent)(value);
        let (least, most) = self.range();
        if least <= bin && bin <= most {
            self.bins[(bin - self.first) as usize % BINS] += rows;
        } else {
            self.add_apart(value, rows);
        }
    }

    /// Values, each of one row.
    #[inline]
    pub(crate) fn extend<T: Ordinal>(&mut self, values: impl Iterator<Item = T>) {
        let mut bin_of = T::bins(self.exponent);
        let (mut least, mut most) = self.range();
        for value in values {
            let bin = bin_of(value);
            if least <= bin && bin <= most {
                self.bins[(bin - self.first) as usize % BINS] += 1;
            } else {
                self.add_apart(value, 1);
                bin_of = T::bins(self.exponent);
                (least, most) = self.range();
            }
        }
    }

    /// Values, each of one row, the least and the greatest of which are known.
    pub(crate) fn extend_within<T: Ordinal>(&mut self, values: &[T], least: T, most: T) {
        self.add(least, 0);
        self.add(most, 0);
        let bin_of = T::bins(self.exponent);
        let first = self.first;
        if bin_of(least) == bin_of(most) {
            self.bins[(bin_of(least) - first) as usize % BINS] += values.len() as u64;
        } else {
            values.iter().for_each(|value| self.bins[(bin_of(*value) - first) as usize % BINS] += 1);
        }
    }

    /// What is used; before anything is, a range that has nothing in it.
    fn range(&self) -> (i64, i64) {
        self.used.unwrap_or((i64::MAX, i64::MIN))
    }

    /// A value that lies beside those before it, perhaps so far away that these stretches have no number for it.
    #[cold]
    fn add_apart<T: Ordinal>(&mut self, value: T, rows: u64) {
        if self.used.is_none() {
            self.exponent = value.first_exponent();
        }
        let bin = loop {
            let bin = T::bins(self.exponent)(value);
            if bin != i64::MIN && bin != i64::MAX {
                break bin;
            }
            self.widen();
        };
        self.add_outside(bin, rows);
    }

    #[cold]
    fn add_outside(&mut self, bin: i64, rows: u64) {
        let mut bin = bin;
        let (mut least, mut most) =
            self.used.map_or((bin, bin), |(least, most)| (least.min(bin), most.max(bin)));
        while i128::from(most) - i128::from(least) >= BINS as i128 {
            self.widen();
            (bin, least, most) = (bin >> 1, least >> 1, most >> 1);
        }
        if self.used.is_none() || least < self.first || most >= self.first.saturating_add(BINS as i64) {
            // Around what is used, with room on both sides.
            let room = (BINS as i64 - 1 - (most - least)) / 2;
            self.move_to(least.saturating_sub(room));
        }
        self.bins[(bin - self.first) as usize] += rows;
        self.used = Some((least, most));
    }

    fn widen(&mut self) {
        let old = std::mem::replace(&mut self.bins, [0; BINS]);
        let first = self.first >> 1;
        for (at, rows) in old.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            self.bins[(((self.first + at as i64) >> 1) - first) as usize] += rows;
        }
        (self.first, self.exponent) = (first, self.exponent + 1);
        self.used = self.used.map(|(least, most)| (least >> 1, most >> 1));
    }

    fn move_to(&mut self, first: i64) {
        let old = std::mem::replace(&mut self.bins, [0; BINS]);
        for (at, rows) in old.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            self.bins[(self.first + at as i64 - first) as usize] = rows;
        }
        self.first = first;
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        if other.used.is_none() {
            return;
        }
        if self.used.is_none() {
            *self = other;
            return;
        }
        while self.exponent < other.exponent {
            self.widen();
        }
        while other.exponent < self.exponent {
            other.widen();
        }
        for (at, rows) in other.bins.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            // What was widened here meanwhile is wider than in the other.
            let wider = self.exponent - other.exponent;
            self.add_outside((other.first + at as i64) >> wider, rows);
        }
    }

    /// Neighbours put together until there are few: the first stretch of 2^`exponent`, the one after the last, and the rows
    /// of each bar. The exponent comes with them.
    pub(crate) fn bars(&self) -> (i32, Vec<(i64, i64, u64)>) {
        let Some((least, most)) = self.used else { return (self.exponent, Vec::new()) };
        let width = (most - least + MAX_BARS) / MAX_BARS;
        let bars = (0..).map(|at| least + at * width).take_while(|from| *from <= most);
        let bars = bars.map(|from| {
            let to = from + width;
            let rows = (from..to.min(most + 1)).map(|bin| self.bins[(bin - self.first) as usize]).sum();
            (from, to, rows)
        });
        (self.exponent, bars.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Ordinal>(values: &[T]) -> (i32, Vec<(i64, i64, u64)>) {
        let (mut whole, mut half, mut other) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for (at, value) in values.iter().enumerate() {
            whole.extend([*value].into_iter());
            let part = if at % 3 == 0 { &mut half } else { &mut other };
            part.extend([*value].into_iter());
        }
        half.append(other);
        for histogram in [&whole, &half] {
            let (exponent, bars) = histogram.bars();
            assert!(bars.len() as i64 <= MAX_BARS);
            for (from, to, rows) in &bars {
                let counted =
                    values.iter().filter(|value| (*from..*to).contains(&T::bins(exponent)(**value)));
                assert_eq!(counted.count() as u64, *rows);
            }
            assert_eq!(bars.iter().map(|bar| bar.2).sum::<u64>(), values.len() as u64);
        }
        whole.bars()
    }

    #[test]
    fn every_value_is_in_exactly_one_bar() {
        check(&(0..1000).map(|n| n * 37 % 911).collect::<Vec<i64>>());
        check(&[5_i64; 9]);
        check(&[i64::MIN, i64::MAX, 0, 1, -1]);
        check(&(0..500).map(|n| 1_i64 << (n % 63)).collect::<Vec<i64>>());
        check(&(0..1000).map(|n| f64::from(n) / 7.0 - 50.0).collect::<Vec<f64>>());
        check(&[0.0, 1e-300, 1e300, -1e300, 0.1]);
        check::<i64>(&[]);
        assert_eq!(check(&[1_i64, 2, 2, 3]), (0, vec![(1, 2, 1), (2, 3, 2), (3, 4, 1)]));
    }
}
