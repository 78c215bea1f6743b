import { twentyThousandSteps } from './twenty-thousand-steps.js'

twentyThousandSteps('Taylor softmax')
