"""What people look at: leaderboards, tables, figures and the HTML report."""
