"""The Hugging Face Hub: what is fetched is pinned and verified, what is pushed is pulled back. No torch."""
