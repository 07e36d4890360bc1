internal import Engine
internal import Formats
public import Host
public import Planning

/// Finding the program that the shim stands in for.
public enum RealDocker {
    /// Scripts passed on the way down, colon-separated. It stands in the environment only while one is running: two wrappers
    /// that each look for "a docker which is not me" would exec each other for ever.
    private static let passedVariable: ByteString = "SLIPWAY_PASSED"

    /// The environment's or the settings' choice if it is executable and no shim, else the next docker on PATH.
    public static func find() -> Program? {
        if let choice = LoadedSettings.docker(),
            let docker = ProgramSearch.named(choice, withoutMarker: ProgramSearch.marker)
        {
            return docker
        }
        return ProgramSearch.next(named: "docker", withoutMarker: ProgramSearch.marker, refuses: wasPassed)
    }

    /// The plugin that stands behind this program, by docker's own order of directories.
    static func plugin(for request: EngineRequest) -> Program? {
        BuildxPlugin.next(for: request, .current(), refuses: wasPassed)
    }

    private static func wasPassed(_ program: Program) -> Bool {
        guard program.isScript, let passed = Kernel.variable(named: passedVariable) else { return false }
        return passed.split(":").contains(program.path)
    }

    /// A script is remembered while it runs; the real docker finds nothing of it in its environment.
    public static func changes(for docker: Program) -> [EnvironmentChange] {
        let passed = Kernel.variable("SLIPWAY_PASSED")
        guard docker.isScript else {
            return passed == nil ? [] : [EnvironmentChange(name: passedVariable, value: nil)]
        }
        return [EnvironmentChange(name: passedVariable, value: passed.map { $0 + ":" + docker.path } ?? docker.path)]
    }
}
