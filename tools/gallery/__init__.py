"""What each kind of study looks like on a phone: a page for clinicians and reviewers, made by a program."""
