import ArgumentParser
@main struct Slipway: ParsableCommand { func run() { print("x") } }
