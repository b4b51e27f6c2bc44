"""Cases that stand beside a trial: sketched patients, the outcomes expected of them, and what no case reaches."""
