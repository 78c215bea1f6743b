import { twentyThousandSteps } from './twenty-thousand-steps.js'

twentyThousandSteps('Z-loss')
