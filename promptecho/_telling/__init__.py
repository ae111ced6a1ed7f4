"""What is told to people: answers, conversations, prices, summaries."""
