"""What a rule does with one shape or one shard.

It knows nothing of the rules.
"""
