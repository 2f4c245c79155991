# Completion for ./start.sh in bash:  source deploy/completion.bash
_opswire_start() {
    local word=${COMP_WORDS[COMP_CWORD]} choices=
    case ${COMP_WORDS[1]:-} in
        stop | start | logs)
            choices="sandbox bridge prometheus alertmanager node_exporter blackbox_exporter config grafana cadvisor" ;;
        console) choices="people chats audit enrol backup restore database" ;;
        test-alert) choices="critical warning info" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        choices="run test status down logs doctor test-alert stop start console agent --sandbox --native --docker --detach --help --version"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -F _opswire_start ./start.sh start.sh
