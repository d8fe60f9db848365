def documented(): return []
