//! Telephone numbers that a service refuses, according to the numbering plans of the world.
//!
//! Real servers use Google's libphonenumber. [`rlibphonenumber`] is a port of it, so that trunk
//! prefixes, country codes and lengths are read in the same way.

use rlibphonenumber::{ParseError, PhoneNumberType, Region, PHONE_NUMBER_UTIL};

#[derive(Clone, Copy, Debug)]
pub(crate) struct PhoneNumberPolicy {
    /// Refuse numbers of impossible length.
    pub(crate) disallow_impossible: bool,
    pub(crate) disallow_premium: bool,
    /// The country of numbers without a country code.
    pub(crate) country: Option<Region>,
}

/// The messages are those of real servers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PhoneNumberError {
    /// Not a telephone number.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Invalid(String),
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Impossible(String),
    #[error("Customer Number [{0}] is disallowed, because it's a premium number. Check option _disallow_premium_phone_numbers")]
    Premium(String),
    #[error(
        "Service option {service} / _default_country is not configured. But option {option} is set. \
         We cannot validate phone numbers without knowing the country."
    )]
    NoCountry {
        service: String,
        option: &'static str,
    },
}

impl PhoneNumberPolicy {
    pub(crate) fn check(&self, service: &str, number: &str) -> Result<(), PhoneNumberError> {
        let option = match (self.disallow_impossible, self.disallow_premium) {
            (true, _) => "_disallow_impossible_phone_numbers",
            (_, true) => "_disallow_premium_phone_numbers",
            _ => return Ok(()),
        };
        if self.country.is_none() {
            return Err(PhoneNumberError::NoCountry {
                service: service.to_owned(),
                option,
            });
        }
        match PHONE_NUMBER_UTIL.parse(number, self.country) {
            Err(_) if !self.disallow_impossible => Ok(()),
            Err(ParseError::NotANumber(_) | ParseError::InvalidCountryCode) => {
                Err(PhoneNumberError::Invalid(number.to_owned()))
            }
            // The remaining errors mean too few or too many digits.
            Err(_) => Err(PhoneNumberError::Impossible(number.to_owned())),
            Ok(parsed)
                if self.disallow_premium
                    && PHONE_NUMBER_UTIL.get_number_type(&parsed)
                        == PhoneNumberType::PremiumRate =>
            {
                Err(PhoneNumberError::Premium(number.to_owned()))
            }
            Ok(parsed)
                if self.disallow_impossible && !PHONE_NUMBER_UTIL.is_possible_number(&parsed) =>
            {
                Err(PhoneNumberError::Impossible(number.to_owned()))
            }
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(impossible: bool, premium: bool, country: Option<Region>, number: &str) -> String {
        let rules = PhoneNumberPolicy {
            disallow_impossible: impossible,
            disallow_premium: premium,
            country,
        };
        rules
            .check("samples", number)
            .map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn error_messages_match_real_servers() {
        let (both, us) = (true, Some(Region::US));
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
    fn other_numbers_are_accepted() {
        for number in [
            "650-253-0000",
            "+44 20 7946 0000",
            "+44 (0)20 7946 0000",
            "+86 138 1234 5678",
            "+16502530000",
        ] {
            assert_eq!(
                check(true, true, Some(Region::US), number),
                "accepted",
                "{number}"
            );
        }
        for unassigned in ["4151110000", "+15551234567", "+1 415 111 0000", "2530000"] {
            assert_eq!(
                check(true, true, Some(Region::US), unassigned),
                "accepted",
                "{unassigned}"
            );
        }
        assert_eq!(check(false, false, None, "abc"), "accepted");
        assert_eq!(check(false, true, Some(Region::US), "abc"), "accepted");
        assert!(check(true, false, Some(Region::US), "abc").contains("invalid"));
    }

    #[test]
    fn invalid_differs_from_impossible() {
        let rules = PhoneNumberPolicy {
            disallow_impossible: true,
            disallow_premium: true,
            country: Some(Region::US),
        };
        let error = |number: &str| rules.check("samples", number).unwrap_err();
        for number in ["abc", "1", "+999 123 4567"] {
            assert_eq!(error(number), PhoneNumberError::Invalid(number.to_owned()));
        }
        for number in [
            "111",
            "12345",
            "+1 555 123 45678",
            "+44 20 7946 00001",
            "23456789012345678901",
        ] {
            assert_eq!(
                error(number),
                PhoneNumberError::Impossible(number.to_owned())
            );
        }
    }

    fn checked(country: Region, number: &str) -> Result<(), PhoneNumberError> {
        let rules = PhoneNumberPolicy {
            disallow_impossible: true,
            disallow_premium: true,
            country: Some(country),
        };
        rules.check("samples", number)
    }

    /// Countries whose national numbers can begin with the digits of their trunk prefix.
    const TRUNK_LIKE: [&str; 21] = [
        "+7 800 555-35-35",
        "+7 861 234-56-78",
        "+7 (8) 495 123-45-67",
        "+370 800 12345",
        "+370 8 612 34567",
        "+375 800 110 0001",
        "+375 8 17 345 6789",
        "+374 80012345",
        "+36 06 30 123 4567",
        "+36 66 123 456",
        "+54 9 11 2345 6789",
        "+54 11 15 2345 6789",
        "+39 06 6982 1234",
        "+39 02 3661 8300",
        "+378 0549 886377",
        "+225 01 23 45 67 89",
        "+241 06 03 12 34",
        "+1 809 234 5678",
        "+44 (0) 800 123 4567",
        "+49 (0) 30 123456",
        "+976 8812 3456",
    ];

    #[test]
    fn trunk_like_digits_of_international_numbers_are_kept() {
        let countries = [
            Region::US,
            Region::RU,
            Region::GB,
            Region::LT,
            Region::HU,
            Region::IT,
            Region::BR,
            Region::MX,
        ];
        for number in TRUNK_LIKE {
            for country in countries {
                assert_eq!(checked(country, number), Ok(()), "{number} in {country:?}");
            }
        }
    }

    #[test]
    fn trunk_prefix_of_national_numbers_is_removed_once() {
        for (country, number) in [
            (Region::RU, "8 800 555-35-35"),
            (Region::RU, "800 555-35-35"),
            (Region::RU, "8 (861) 234-56-78"),
            (Region::LT, "8 800 12345"),
            (Region::LT, "0 800 12345"),
            (Region::BY, "8 800 110 0001"),
            (Region::HU, "06 66 123 456"),
            (Region::IT, "06 6982 1234"),
            (Region::MX, "55 1234 5678"),
            (Region::AR, "011 15-2345-6789"),
            (Region::BR, "0 15 11 96123-4567"),
            (Region::GB, "0800 123 4567"),
            (Region::US, "1 650 253 0000"),
        ] {
            assert_eq!(checked(country, number), Ok(()), "{number} in {country:?}");
        }
    }

    #[test]
    fn premium_numbers_are_rejected_in_every_format() {
        for (country, number) in [
            (Region::US, "+7 809 123 45 67"),
            (Region::RU, "+7 803 123-45-67"),
            (Region::RU, "8 809 123-45-67"),
            (Region::RU, "8031234567"),
            (Region::GB, "+7 (809) 1234567"),
            (Region::US, "+370 900 12345"),
            (Region::LT, "8 900 12345"),
            (Region::US, "+44 909 012 3456"),
            (Region::GB, "0909 012 3456"),
            (Region::US, "+39 899 123456"),
            (Region::US, "+49 900 1 123456"),
            (Region::DE, "0900 1 123456"),
            (Region::US, "+1 900 555 1234"),
            (Region::US, "1-900-555-1234"),
            (Region::US, "+375 9 02 123 4567"),
            (Region::US, "+979 123 456 789"),
            (Region::US, "+36 90 123 456"),
            (Region::US, "tel:+1-900-555-1234"),
        ] {
            assert_eq!(
                checked(country, number),
                Err(PhoneNumberError::Premium(number.to_owned())),
                "in {country:?}"
            );
        }
    }

    #[test]
    fn wrong_lengths_are_impossible_despite_trunk_like_digits() {
        for number in [
            "+7 800 555-35-3",
            "+7 800 555-35-35-35",
            "+36 6 30 123 4567",
            "+370 800 1234",
            "+370 800 1234567",
            "+39 0",
        ] {
            assert_eq!(
                checked(Region::US, number),
                Err(PhoneNumberError::Impossible(number.to_owned()))
            );
        }
    }

    #[test]
    fn arbitrary_text_is_invalid() {
        for number in [
            "",
            " ",
            "+",
            "++",
            "+é",
            "tel:",
            ";phone-context=",
            "+dwPAA;phone-context=AA",
            "\u{200e}",
            "name@example.com",
            "+7",
            "\u{1f600}",
        ] {
            assert_eq!(
                checked(Region::RU, number),
                Err(PhoneNumberError::Invalid(number.to_owned()))
            );
        }
    }
}
