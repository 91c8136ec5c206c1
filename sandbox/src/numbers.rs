//! Which telephone numbers a service refuses, by the numbering plans of the world.

use phonenumber::country::Id;
use phonenumber::metadata::DATABASE;
use phonenumber::Type;

/// What a service refuses.
#[derive(Clone, Copy, Debug)]
pub struct NumberRules {
    /// Refuse what no telephone can have.
    pub disallow_impossible: bool,
    /// Refuse numbers for which a call costs more.
    pub disallow_premium: bool,
    /// The country of numbers without a country code.
    pub country: Option<Id>,
}

/// Why a number is refused. The texts are those of real servers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// It cannot be read as a number.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Invalid(String),
    /// No telephone has it.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Impossible(String),
    /// It is a premium number.
    #[error("Customer Number [{0}] is disallowed, because it's a premium number. Check option _disallow_premium_phone_numbers")]
    Premium(String),
    /// The rules cannot be followed without a country.
    #[error(
        "Service option {service} / _default_country is not configured. But option {option} is set. \
         We cannot validate phone numbers without knowing the country."
    )]
    NoCountry {
        /// The service.
        service: String,
        /// The rule that needs the country.
        option: &'static str,
    },
}

impl NumberRules {
    /// Whether the service takes a number.
    pub fn check(&self, service: &str, number: &str) -> Result<(), BadNumber> {
        let option = match (self.disallow_impossible, self.disallow_premium) {
            (true, _) => "_disallow_impossible_phone_numbers",
            (_, true) => "_disallow_premium_phone_numbers",
            _ => return Ok(()),
        };
        if self.country.is_none() {
            return Err(BadNumber::NoCountry { service: service.to_owned(), option });
        }
        let parsed = phonenumber::parse(self.country, number);
        match parsed {
            Err(_) if !self.disallow_impossible => Ok(()),
            // A few digits are a number, if one that nobody has.
            Err(_) if number.bytes().filter(u8::is_ascii_digit).count() > 1 => {
                Err(BadNumber::Impossible(number.to_owned()))
            }
            Err(_) => Err(BadNumber::Invalid(number.to_owned())),
            Ok(parsed) if self.disallow_premium && parsed.number_type(&DATABASE) == Type::PremiumRate => {
                Err(BadNumber::Premium(number.to_owned()))
            }
            Ok(parsed) if self.disallow_impossible && !parsed.is_valid() => {
                Err(BadNumber::Impossible(number.to_owned()))
            }
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(impossible: bool, premium: bool, country: Option<Id>, number: &str) -> String {
        let rules = NumberRules { disallow_impossible: impossible, disallow_premium: premium, country };
        rules.check("samples", number).map_or_else(|refusal| refusal.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn the_texts_of_real_servers() {
        let (both, us) = (true, Some(Id::US));
        assert_eq!(
            check(both, both, us, "111"),
            "Customer Number [111] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
        );
        assert_eq!(
            check(both, both, us, "+19005551234"),
            "Customer Number [+19005551234] is disallowed, because it's a premium number. Check option _disallow_premium_phone_numbers"
        );
        assert_eq!(
            check(false, both, None, "+19005551234"),
            "Service option samples / _default_country is not configured. But option _disallow_premium_phone_numbers is set. \
             We cannot validate phone numbers without knowing the country."
        );
    }

    #[test]
    fn other_numbers_are_taken() {
        for number in ["650-253-0000", "+44 20 7946 0000", "+16502530000"] {
            assert_eq!(check(true, true, Some(Id::US), number), "taken", "{number}");
        }
        assert_eq!(check(false, false, None, "abc"), "taken");
        assert_eq!(check(false, true, Some(Id::US), "abc"), "taken");
        assert!(check(true, false, Some(Id::US), "abc").contains("invalid"));
    }
}
