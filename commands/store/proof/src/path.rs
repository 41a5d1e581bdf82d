//! Where tiles are, as <https://c2sp.org/tlog-tiles> says: `x001/x234/067`, and `.p/12` behind it
//! for the first 12 hashes of a tile that is not full.

use crate::tree::WIDTH;

/// A tile's place and how many of its hashes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// Its place among those of its level, from 0.
    pub n: u64,
    /// From 1 to 256.
    pub width: u64,
}

impl TilePath {
    /// Reads what comes behind the level. None where it is not written as it has to be.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (n, width) = match text.split_once(".p/") {
            Some((n, width)) => {
                let number = width.parse::<u64>().ok()?;
                let written = number.to_string() == width && (1..WIDTH).contains(&number);
                (n, written.then_some(number)?)
            }
            None => (text, WIDTH),
        };
        let mut parts = n.split('/').rev();
        let mut number = digits(parts.next()?)?;
        let mut factor: u64 = 1;
        let mut first = number;
        let mut more = false;
        for part in parts {
            factor = factor.checked_mul(1000)?;
            first = digits(part.strip_prefix('x')?)?;
            number = first.checked_mul(factor)?.checked_add(number)?;
            more = true;
        }
        // There is one way to write a number.
        (!more || first > 0).then_some(Self { n: number, width })
    }
}

impl std::fmt::Display for TilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = vec![format!("{:03}", self.n % 1000)];
        let mut rest = self.n / 1000;
        while rest > 0 {
            parts.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        parts.reverse();
        write!(f, "{}", parts.join("/"))?;
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn digits(text: &str) -> Option<u64> {
    let three = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if three { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (text, n, width) in [
            ("000", 0, 256),
            ("067", 67, 256),
            ("x001/x234/067", 1_234_067, 256),
            ("x003/906.p/64", 3906, 64),
            ("x001/000.p/255", 1000, 255),
        ] {
            assert_eq!(TilePath::parse(text), Some(TilePath { n, width }), "{text}");
            assert_eq!(TilePath { n, width }.to_string(), text);
        }
        for wrong in [
            "",
            "0",
            "67",
            "0067",
            "x067",
            "067/",
            "/067",
            "x000/067",
            "001/067",
            "x001/67",
            "067.p/",
            "067.p/0",
            "067.p/256",
            "067.p/01",
            "067.p/x",
            "-01",
            "+01",
            "x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(wrong), None, "{wrong}");
        }
    }
}
