"""Three DynamoDB tables: members and lease, the journal, and the state it guards."""
