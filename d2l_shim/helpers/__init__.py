"""What a chapter needs of its framework; only what differs between frameworks is written thrice."""
