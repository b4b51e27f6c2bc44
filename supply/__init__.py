"""What the distribution is made of: licences, bill of materials, known vulnerabilities. Not shipped."""
