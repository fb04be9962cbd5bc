//! The installation's secret stays, and is nobody else's.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::Place;
use crate::store::{Settings, StoreError, secret};

fn of(place: &Place) -> Result<[u8; 32], StoreError> {
    secret(&Settings { directory: place.0.clone() })
}

#[test]
fn it_is_made_once_for_its_owner_alone() {
    let (place, other) = (Place::new(), Place::new());
    let first = of(&place).expect("room");
    assert_eq!(of(&place).expect("it is there"), first);
    assert_ne!(of(&other).expect("room"), first);
    let file = place.0.join("links.key");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&place.0).expect("a directory").count(), 1, "nothing else is left");
    fs::write(&file, "cut off").expect("room");
    let third = of(&place).expect("room");
    assert!(third != first && of(&place).expect("it is there") == third, "what is damaged is made anew");
}

#[test]
fn a_directory_that_is_not_there_keeps_none() {
    let place = Place::new();
    fs::remove_dir(&place.0).expect("empty");
    assert!(of(&place).expect_err("no directory").is_unwritable());
}
