"""Reports of searches, from their stores: what one search found and how (`gossamer report`), and which of several
found more (`gossamer compare`). Nothing here needs the search to have ended.
"""
