"""`remediator doctor`: is everything there that an installation needs?"""
