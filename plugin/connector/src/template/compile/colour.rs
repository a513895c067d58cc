//! Colours, as both wallets take them.

/// Red, green, blue. `#RRGGBB`, `#RGB` and `rgb(r, g, b)` are read, as Apple reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl Colour {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(hex) = text.strip_prefix('#') {
            let digits: Vec<u8> = hex
                .chars()
                .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                .collect::<Option<_>>()?;
            return match digits.as_slice() {
                [r, g, b] => Some(Self([r * 17, g * 17, b * 17])),
                [r, s, g, h, b, c] => Some(Self([r * 16 + s, g * 16 + h, b * 16 + c])),
                _ => None,
            };
        }
        let inside = text.strip_prefix("rgb(")?.strip_suffix(')')?;
        let parts: Vec<u8> = inside.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
        Some(Self(<[u8; 3]>::try_from(parts).ok()?))
    }

    /// The only form that every version of iOS knows.
    pub(super) fn apple(self) -> String {
        let [r, g, b] = self.0;
        format!("rgb({r}, {g}, {b})")
    }

    pub(super) fn google(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::Colour;

    #[test]
    fn three_ways_to_write_a_colour() {
        for text in ["#1b1430", "rgb(27, 20, 48)", "rgb(27,20,48)"] {
            let colour = Colour::parse(text).unwrap();
            assert_eq!((colour.apple().as_str(), colour.google().as_str()), ("rgb(27, 20, 48)", "#1b1430"), "{text}");
        }
        assert_eq!(Colour::parse("#fa0").unwrap().google(), "#ffaa00");
        for text in ["", "red", "#12", "#12345g", "rgb(1,2)", "rgb(1,2,256)", "rgb(1,2,3", "rgba(1,2,3,4)"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }
}
