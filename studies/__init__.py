"""The DICOM information model, and where studies come from and go to."""
