"""Where drafts, approvals, sessions, the ledger and the audit log are kept, and what was last seen of tickets."""
