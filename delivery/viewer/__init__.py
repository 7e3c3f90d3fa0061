"""The viewer that travels in a parcel: a page that opens from the unpacked folder, without a network."""
