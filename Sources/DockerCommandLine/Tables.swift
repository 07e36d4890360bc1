// rows follow
